//! Images of earlier versions of the program, and what interrupted builds leave: removed by the next build, unless a
//! container uses them.

use std::{collections::HashMap, fs};

use bollard::{
    models::ContainerCreateBody,
    query_parameters::{
        CreateContainerOptionsBuilder, ListImagesOptionsBuilder, ListVolumesOptionsBuilder, RemoveContainerOptionsBuilder,
        RemoveImageOptions, RemoveVolumeOptions,
    },
};
use control_plane::{Progress, Provisioner as _};
use provisioner::{DockerProvisioner, DockerSettings, ImageSettings};
use tokio::sync::mpsc;

use crate::support::{DockerMachine, Machine, Quiet, eventually};

/// An installation of this test's own.
const INSTALLATION: &str = "01d1000000000000000000000000a9e5";
/// Long enough that a build can be interrupted while it is copied, in bytes.
const LARGE: usize = 100 << 20;

/// Says when a build copies the program.
#[derive(Debug)]
struct Copying(mpsc::UnboundedSender<()>);

impl Progress for Copying {
    fn line(&self, text: &str) {
        if text.contains("COPY node") {
            let _ = self.0.send(());
        }
    }
}

struct Versions(DockerMachine);

impl Versions {
    /// The driver of a version of the program, which differs by its `node`.
    fn driver(&self, node: &[u8]) -> DockerProvisioner {
        let settings = self.0.settings();
        let path = settings.data_dir.join(format!("node-{}-{}", node.len(), node[0]));
        fs::write(&path, node).unwrap();
        let images = ImageSettings { node: path, ..settings.images };
        DockerProvisioner::new(DockerSettings { installation: INSTALLATION.to_owned(), images, ..settings })
    }

    async fn build(&self, node: &[u8]) {
        self.driver(node).ensure_template(&self.0.placement(15, None), &Quiet).await.unwrap();
    }

    /// The installation's images of `node`, those without a name included.
    async fn images(&self) -> Vec<Vec<String>> {
        let labels = vec![format!("supacloud.installation={INSTALLATION}"), "supacloud.component=supacloud/node".to_owned()];
        let filters = HashMap::from([("label".to_owned(), labels)]);
        let options = ListImagesOptionsBuilder::new().filters(&filters).build();
        let images = self.0.engine.list_images(Some(options)).await.unwrap();
        let named = |tags: Vec<String>| tags.into_iter().filter(|tag| !tag.starts_with("<none>")).collect();
        images.into_iter().map(|image| named(image.repo_tags)).collect()
    }

    /// The only image that there is.
    async fn only(&self) -> String {
        let images = self.images().await;
        assert!(images.len() == 1 && images[0].len() == 1, "{images:?}");
        images[0][0].clone()
    }

    async fn clear(&self) {
        for name in self.images().await.into_iter().flatten() {
            self.0.engine.remove_image(&name, None::<RemoveImageOptions>, None).await.unwrap();
        }
        let filters = HashMap::from([("label".to_owned(), vec![format!("supacloud.installation={INSTALLATION}")])]);
        let options = ListVolumesOptionsBuilder::new().filters(&filters).build();
        for volume in self.0.engine.list_volumes(Some(options)).await.unwrap().volumes.unwrap_or_default() {
            self.0.engine.remove_volume(&volume.name, None::<RemoveVolumeOptions>).await.unwrap();
        }
    }
}

#[tokio::test]
async fn what_nothing_needs_goes_with_the_next_build_and_what_is_in_use_stays() {
    let Some(machine) = DockerMachine::new().await else { return };
    let versions = Versions(machine);
    versions.build(b"first").await;
    let first = versions.only().await;
    let (name, engine) = ("supacloud-it-uses-the-first", &versions.0.engine);
    let body = ContainerCreateBody { image: Some(first.clone()), ..ContainerCreateBody::default() };
    engine.create_container(Some(CreateContainerOptionsBuilder::new().name(name).build()), body).await.unwrap();

    let (begun, mut copying) = mpsc::unbounded_channel();
    let (driver, placement) = (versions.driver(&vec![b'2'; LARGE]), versions.0.placement(15, None));
    let building = tokio::spawn(async move { driver.ensure_template(&placement, &Copying(begun)).await });
    copying.recv().await.unwrap();
    building.abort();
    eventually("what an interrupted build leaves", async || versions.images().await.iter().any(Vec::is_empty).then_some(()))
        .await;

    versions.build(b"third").await;
    let images = versions.images().await.concat();
    assert!(images.len() == 2 && images.contains(&first), "its container uses it: {images:?}");
    assert!(versions.images().await.iter().all(|names| !names.is_empty()), "the interrupted one's are gone");
    engine.remove_container(name, Some(RemoveContainerOptionsBuilder::new().force(true).build())).await.unwrap();
    versions.build(b"last").await;
    assert!(!images.contains(&versions.only().await));
    versions.clear().await;
}
