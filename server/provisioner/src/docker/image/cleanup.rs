//! Removes from the engine what earlier builds of this installation have left and nothing needs any more: images of other
//! versions of the program, and layers of builds that were interrupted. Never by force, so that what a container uses stays
//! until the next build.

use std::{collections::HashMap, error::Error as _};

use bollard::{
    errors::Error,
    query_parameters::{ListImagesOptionsBuilder, RemoveImageOptions},
};

use super::super::{
    engine::Engine,
    names::{COMPONENT, INSTALLATION},
};

/// After the image `current` has been built, of this component. Whatever fails is tried again after the next build.
pub(super) async fn after_build(engine: &Engine, installation: &str, component: &str, current: &str) {
    if let Err(error) = remove_others(engine, installation, component, current).await {
        tracing::debug!(error = &error as &dyn std::error::Error, source = ?error.source(), "old images stay");
    }
}

async fn remove_others(engine: &Engine, installation: &str, component: &str, current: &str) -> Result<(), Error> {
    let Ok(docker) = engine.docker().await else { return Ok(()) };
    let ours = vec![format!("{INSTALLATION}={installation}"), format!("{COMPONENT}={component}")];
    let filters = HashMap::from([("label".to_owned(), ours)]);
    let images = docker.list_images(Some(ListImagesOptionsBuilder::new().filters(&filters).build())).await?;
    for image in images {
        let names: Vec<&str> = match image.repo_tags.as_slice() {
            // Of an interrupted build: only those that nothing was built upon are listed.
            [] => vec![&image.id],
            [none] if none == "<none>:<none>" => vec![&image.id],
            tags => tags.iter().map(String::as_str).filter(|tag| is_older(tag, current)).collect(),
        };
        for name in names {
            match docker.remove_image(name, None::<RemoveImageOptions>, None).await {
                Ok(_) => tracing::info!(image = name, "removed an image that nothing needs any more"),
                Err(error) => tracing::debug!(image = name, %error, "an old image stays"),
            }
        }
    }
    Ok(())
}

/// Whether a reference is of the same image in another version: all before the hash of its content is the same. Of
/// PostgreSQL there is one image for each major version.
fn is_older(reference: &str, current: &str) -> bool {
    let series = |reference: &str| reference.rfind(['-', ':']).map(|end| reference[..=end].to_owned());
    reference != current && series(reference) == series(current)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_image_in_another_version_is_older() {
        for (reference, current, older) in [
            ("supacloud/node:aaa", "supacloud/node:bbb", true),
            ("supacloud/node:bbb", "supacloud/node:bbb", false),
            ("supacloud/postgres:17-aaa", "supacloud/postgres:17-bbb", true),
            ("supacloud/postgres:15-aaa", "supacloud/postgres:17-bbb", false),
            ("supacloud/postgres:17-aaa", "supacloud/postgres:15-bbb", false),
            ("example/node:aaa", "supacloud/node:bbb", false),
            ("localhost:5000/supacloud/node:aaa", "supacloud/node:bbb", false),
        ] {
            assert_eq!(is_older(reference, current), older, "{reference} {current}");
        }
    }
}
