//! Starts a project's containers. Those that join another one's network come after it, as the containers of a Kubernetes pod
//! come after the one that holds theirs; and whenever that one begins another life, they must, too: its network goes with it.

use bollard::models::ContainerSummary;
use control_plane::{Placement, ProvisionError};
use futures::future::{join_all, try_join_all};

use super::{
    Docker, LOOK,
    container::{Blueprint, Desired},
    delivery::Secrets,
    image::Image,
    look::Seen,
    network::ProjectNetwork,
    project::Plan,
    runtime::{self, Prepared, Restarts},
    services::life,
    template, transient,
};

impl Docker {
    /// Has the project's containers as they are to be and running, and its database answering. `images` in the order of the
    /// services. What does not wait for the database gets `secrets` meanwhile, if they are known already.
    pub(super) async fn start_containers(
        &self,
        placement: &Placement,
        plan: &Plan,
        network: &ProjectNetwork,
        images: &[Image],
        secrets: Option<&Secrets>,
    ) -> Result<(), ProvisionError> {
        let blueprint = self.blueprint(placement, plan, network, images).await?;
        let database = &plan.stack.binding().database;
        let mut restarts = Restarts::default();
        loop {
            let existing = self.runtime().containers(&placement.project_ref).await?;
            let owners = (0..plan.services.len()).filter(|place| plan.services[*place].joins.is_none());
            let pods = try_join_all(owners.map(|owner| self.start_pod(&blueprint, &existing, owner))).await?;
            let guests: Vec<Desired> = pods.into_iter().flatten().collect();
            let seen = self.look(placement, plan).await?;
            let started = seen.of(&database.service).map(life);
            let (id, _) = started.as_ref().ok_or_else(|| transient("the database's container was removed while it started"))?;
            let waiting = template::wait_for_sql(self, id, &network.name, database.port, &mut restarts);
            // Meanwhile: the database takes its time to boot.
            let others = async {
                let joined = self.join(&seen, &guests).await?;
                if let Some(secrets) = secrets
                    && joined
                {
                    let independent = plan.services.iter().filter(|service| !service.awaits_database);
                    self.deliver(independent, &self.look(placement, plan).await?, secrets).await?;
                }
                Ok::<_, ProvisionError>(joined)
            };
            let (answering, joined) = tokio::join!(waiting, others);
            // If it has ended, that is what is wrong, whatever became of those that wanted to join it.
            let answering = answering?;
            if joined? && started.as_ref() == Some(&answering.life) {
                return Ok(());
            }
            for service in plan.services.iter().filter(|service| service.joins.is_none()) {
                if let Some(container) = seen.of(&service.name) {
                    self.has_not_ended(service, container, &mut restarts).await?;
                }
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Starts the container at this place, and meanwhile makes those that join its network, which it answers. Those of a container
    /// that did not run are started at once; for others it takes a look.
    async fn start_pod(
        &self,
        blueprint: &Blueprint<'_>,
        existing: &[ContainerSummary],
        owner: usize,
    ) -> Result<Vec<Desired>, ProvisionError> {
        let runtime = self.runtime();
        let (name, desired) = (&blueprint.services[owner].name, blueprint.desired(owner, None)?);
        let prepared = runtime.prepare(&desired, existing).await?;
        let starting = async { if prepared.alive { Ok(()) } else { runtime.start(&prepared.id, &desired.name).await } };
        let guests = blueprint.services.iter().enumerate().filter(|(_, service)| service.joins.as_ref() == Some(name));
        let guests: Vec<Desired> =
            guests.map(|(place, _)| blueprint.desired(place, Some(&prepared.id))).collect::<Result<_, _>>()?;
        // Both to their ends: half a request could still make a container when the next try has begun.
        let preparing = join_all(guests.iter().map(|guest| runtime.prepare(guest, existing)));
        let (started, made) = tokio::join!(starting, preparing);
        started?;
        let made: Vec<Prepared> = made.into_iter().collect::<Result<_, _>>()?;
        if !prepared.alive {
            let ended = guests.iter().zip(&made).filter(|(_, guest)| !guest.alive);
            // Where that fails, the owner may have ended already. `join` tries again and tells why.
            drop(join_all(ended.map(|(desired, guest)| runtime.start_joined(&guest.id, &desired.name))).await);
        }
        Ok(guests)
    }

    /// Has those that join another container's network running in that of its present life. Answers whether all are: one
    /// whose owner does not run has nothing to join, and one that can't be started twice must be made anew.
    async fn join(&self, seen: &Seen<'_>, guests: &[Desired]) -> Result<bool, ProvisionError> {
        let joining = guests.iter().map(async |desired| {
            let Some(service) = seen.service(&desired.component) else { return Ok(true) };
            let (Some(guest), Some(owner)) = (seen.of(&service.name), seen.owner_of(service)) else { return Ok(false) };
            if !runtime::is_running(owner) {
                return Ok(false);
            }
            let id = guest.id.as_deref().unwrap_or_default();
            if runtime::is_stranded(guest, owner) {
                self.runtime().stop(id, self.grace(service, seen).await).await?;
                if desired.starts_once {
                    return Ok(false);
                }
            } else if runtime::is_alive(guest) {
                return Ok(true);
            }
            self.runtime().start_joined(id, &desired.name).await
        });
        let joined: Vec<bool> = try_join_all(joining).await?;
        Ok(joined.into_iter().all(|joined| joined))
    }
}
