//! Writes the build context of the PostgreSQL image, to build it by hand:
//! `cargo run -p project-template --example image_context -- 17 FOLDER && docker build FOLDER`.

use std::fs;
use std::path::Path;

use postgres_cluster::container_files;
use project_template::image;

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(major), Some(folder)) = (arguments.next().and_then(|major| major.parse().ok()), arguments.next()) else {
        return Err(std::io::Error::other("arguments: MAJOR FOLDER"));
    };
    let folder = Path::new(&folder);
    fs::create_dir_all(folder)?;
    for (name, contents) in image::POSTGRES {
        fs::write(folder.join(name), contents)?;
    }
    for (name, contents) in container_files(major).into_iter().chain([image::trusted_extensions()]) {
        fs::write(folder.join(name), contents)?;
    }
    Ok(())
}
