//! Icons, drawn here on a 16 × 16 grid. Always beside a word or named by their button, so hidden from screen readers.

use leptos::prelude::*;

/// What an icon stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Glyph {
    Check,
    Close,
    Copy,
    Eye,
    EyeOff,
    Failed,
    Minus,
    Moon,
    Pause,
    Play,
    Plus,
    Restart,
    Screen,
    Sun,
    Terminal,
    Waiting,
    Working,
}

impl Glyph {
    const fn path(self) -> &'static str {
        match self {
            Self::Check => "M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8ZM5.2 8.2l2 2 3.8-4.2",
            Self::Close => "M3.5 3.5l9 9M12.5 3.5l-9 9",
            Self::Copy => "M5.5 5.5v-3h8v8h-3M2.5 5.5h8v8h-8Z",
            Self::Eye => {
                "M1.5 8S4 3.5 8 3.5 14.5 8 14.5 8 12 12.5 8 12.5 1.5 8 1.5 8ZM8 6.2a1.8 1.8 0 1 0 0 3.6 1.8 1.8 0 0 0 0-3.6Z"
            }
            Self::EyeOff => {
                "M2 2l12 12M6.3 3.8A6 6 0 0 1 8 3.5C12 3.5 14.5 8 14.5 8a12 12 0 0 1-1.9 2.3M4 5.2A11.5 11.5 0 0 0 1.5 8S4 12.5 8 12.500c1 0 2-.3 2.8-.7"
            }
            Self::Failed => "M8 1.8 14.8 13.700H1.200ZM8 6.200v3.600M8 11.700v.1",
            Self::Minus => "M8 1.800a6.2 6.2 0 1 0 0 12.400A6.2 6.2 0 0 0 8 1.800ZM5.2 8h5.6",
            Self::Moon => "M13.5 9.700A6 6 0 0 1 6.3 2.500a6 6 0 1 0 7.2 7.200Z",
            Self::Pause => "M8 1.800a6.2 6.2 0 1 0 0 12.400A6.2 6.2 0 0 0 8 1.800ZM6.3 5.700v4.600M9.7 5.700v4.6",
            Self::Play => "M4.5 2.800v10.400L13 8Z",
            Self::Plus => "M8 3v10M3 8h10",
            Self::Restart => "M13.2 6.200A5.5 5.5 0 1 0 13.5 8.500M13.5 2.800v3.600H9.9",
            Self::Screen => "M1.8 3h12.400v8H1.800ZM5.5 13.500h5",
            Self::Sun => {
                "M8 5.200a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.600ZM8 1.200v1.600M8 13.200v1.600M1.2 8h1.600M13.2 8h1.600M3.2 3.200l1.1 1.100M11.7 11.700l1.1 1.100M12.8 3.200l-1.1 1.100M4.3 11.700l-1.1 1.1"
            }
            Self::Terminal => "M1.8 2.800h12.400v10.400H1.800ZM4.3 6l2 2-2 2M8.3 10.300h3",
            Self::Waiting => "M8 1.800a6.2 6.2 0 1 0 0 12.400A6.2 6.2 0 0 0 8 1.800Z",
            Self::Working => "M8 1.800A6.2 6.2 0 1 1 2.4 5.3",
        }
    }
}

/// An icon in the colour of the text around it.
#[component]
pub(crate) fn Icon(glyph: Glyph) -> impl IntoView {
    let class = if glyph == Glyph::Working { "turning" } else { "" };
    view! {
        <svg
            class=class
            viewBox="0 0 16 16"
            fill="none"
            stroke="currentColor"
            stroke-width="1.5"
            stroke-linecap="round"
            stroke-linejoin="round"
            aria-hidden="true"
            focusable="false"
        >
            <path d=glyph.path()></path>
        </svg>
    }
}
