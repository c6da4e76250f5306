//! Options with one word of a few.

use clap::ValueEnum;

use super::request::{ColorWhen, Generated};
use crate::model::OwnerSearch;
use crate::query::SortKey;

/// What can be generated.
#[derive(ValueEnum, Clone, Copy, Debug)]
pub(super) enum GenerateArg {
    Man,
    Bash,
    Zsh,
    Fish,
    #[value(name = "powershell", alias = "pwsh")]
    PowerShell,
}

/// What can be sorted by.
#[derive(ValueEnum, Clone, Copy, Debug)]
pub(super) enum SortArg {
    Port,
    Local,
    Foreign,
    State,
    Pid,
    #[value(alias = "name")]
    Image,
    User,
    RecvQ,
    SendQ,
    Age,
}

impl From<SortArg> for SortKey {
    fn from(key: SortArg) -> Self {
        match key {
            SortArg::Port => Self::Port,
            SortArg::Local => Self::Local,
            SortArg::Foreign => Self::Foreign,
            SortArg::State => Self::State,
            SortArg::Pid => Self::Pid,
            SortArg::Image => Self::Image,
            SortArg::User => Self::User,
            SortArg::RecvQ => Self::RecvQ,
            SortArg::SendQ => Self::SendQ,
            SortArg::Age => Self::Age,
        }
    }
}

/// How owners can be searched.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum OwnersArg {
    Auto,
    Proc,
    Bpf,
}

impl From<OwnersArg> for OwnerSearch {
    fn from(way: OwnersArg) -> Self {
        match way {
            OwnersArg::Auto => Self::Auto,
            OwnersArg::Proc => Self::Proc,
            OwnersArg::Bpf => Self::Bpf,
        }
    }
}

/// When to use color.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ColorArg {
    Auto,
    Always,
    Never,
}

impl From<ColorArg> for ColorWhen {
    fn from(when: ColorArg) -> Self {
        match when {
            ColorArg::Auto => Self::Auto,
            ColorArg::Always => Self::Always,
            ColorArg::Never => Self::Never,
        }
    }
}

impl From<GenerateArg> for Generated {
    fn from(what: GenerateArg) -> Self {
        match what {
            GenerateArg::Man => Self::Man,
            GenerateArg::Bash => Self::Bash,
            GenerateArg::Zsh => Self::Zsh,
            GenerateArg::Fish => Self::Fish,
            GenerateArg::PowerShell => Self::PowerShell,
        }
    }
}
