//! Components, one per file.

mod site_header;

pub(crate) use site_header::SiteHeader;
