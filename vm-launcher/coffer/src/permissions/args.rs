// SPDX-License-Identifier: GPL-3.0-or-later
//! The command line of the permission commands. In: words. Out: what to do.

use clap::Args;
use clap::builder::PossibleValuesParser;
use cofferdam_policy::{Kind, Level};

fn kinds() -> PossibleValuesParser {
    PossibleValuesParser::new(Kind::ALL.map(Kind::name))
}

fn levels() -> PossibleValuesParser {
    let all = [Level::Off, Level::Ask, Level::Listed, Level::Internet, Level::All];
    PossibleValuesParser::new(all.map(Level::name))
}

#[derive(Debug, Args)]
pub(crate) struct PermissionsArgs {
    /// Only this app or VM
    pub(crate) app: Option<String>,
    /// Say what would happen if it asked for this
    #[arg(value_parser = kinds())]
    pub(crate) kind: Option<String>,
    /// About what, such as imap.example.org or "text from firefox"
    #[arg(requires = "kind")]
    pub(crate) target: Option<String>,
    /// Read the rule files again, see cofferdam-policy(5)
    #[arg(long, conflicts_with_all = ["app", "json"])]
    pub(crate) reload: bool,
    /// Put a damaged record aside and start with what stands before the damage; everything is taken back
    #[arg(long, conflicts_with_all = ["app", "json", "reload"])]
    pub(crate) repair: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct GrantArgs {
    /// The VM, as `coffer ps` names it
    pub(crate) vm: String,
    /// Of which kind
    #[arg(value_parser = kinds())]
    pub(crate) kind: String,
    /// What, such as imap.example.org, local:printer.home or "text from firefox"; by default all of it. Of the
    /// network that is the Internet; local:all and host:all open the local network and this computer
    #[arg(default_value = "all")]
    pub(crate) target: String,
    /// For how long; never forbids it
    #[arg(long = "for", value_name = "TIME", default_value = "run", conflicts_with = "level")]
    #[arg(value_parser = PossibleValuesParser::new(["once", "run", "hour", "today", "always", "never"]))]
    pub(crate) lifetime: String,
    /// Set the level of the whole kind instead
    #[arg(long, value_parser = levels())]
    pub(crate) level: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RevokeArgs {
    /// The number of a grant, or a VM; of a VM alone everything is taken back
    #[arg(required_unless_present_any = ["everything", "undo"], value_name = "GRANT|VM")]
    pub(crate) what: Option<String>,
    /// Only grants of this kind; of files also what was handed over
    #[arg(value_parser = kinds())]
    pub(crate) kind: Option<String>,
    /// Only the grant about this, or the file of this name or number
    pub(crate) target: Option<String>,
    /// Take everything back from all apps
    #[arg(long, conflicts_with = "what")]
    pub(crate) everything: bool,
    /// Give back what this number stands for
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["what", "everything"])]
    pub(crate) undo: Option<u64>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct LogArgs {
    /// Only this VM
    pub(crate) vm: Option<String>,
    /// How many lines
    #[arg(short = 'n', long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) lines: u32,
    /// Only lines before the one with this number
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub(crate) before: u64,
    /// Only lines with this text
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) search: String,
    /// Print JSON, newest first
    #[arg(long)]
    pub(crate) json: bool,
}

#[cfg(test)]
mod tests {
    use crate::args::{Cli, Command};
    use clap::Parser as _;

    fn parse(line: &str) -> Result<Command, String> {
        let words = std::iter::once("coffer").chain(line.split_whitespace());
        Cli::try_parse_from(words).map(|cli| cli.command).map_err(|error| error.to_string())
    }

    #[test]
    fn grants() {
        let Ok(Command::Grant(grant)) = parse("grant mail network imap.example.org --for hour") else {
            panic!("not understood")
        };
        assert_eq!((grant.vm.as_str(), grant.kind.as_str()), ("mail", "network"));
        assert_eq!((grant.target.as_str(), grant.lifetime.as_str()), ("imap.example.org", "hour"));
        let Ok(Command::Grant(grant)) = parse("grant mail network --level internet --json") else {
            panic!("not understood")
        };
        assert_eq!((grant.level.as_deref(), grant.json), (Some("internet"), true));
        for bad in [
            "grant mail",
            "grant mail netwrok x",
            "grant mail network x --for year",
            "grant mail network --level some",
            "grant mail network x --for hour --level off",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert!(parse("grant mail netwrok x").unwrap_err().contains("'network'"), "a suggestion");
    }

    #[test]
    fn revocations() {
        for good in [
            "revoke 12",
            "revoke mail",
            "revoke mail network",
            "revoke mail network a.org",
            "revoke mail files letter.txt",
            "revoke --everything",
            "revoke --undo 3",
        ] {
            assert!(matches!(parse(good), Ok(Command::Revoke(_))), "{good}");
        }
        for bad in [
            "revoke",
            "revoke mail --everything",
            "revoke --undo x",
            "revoke mail --undo 3",
            "revoke mail sound",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn questions() {
        for good in [
            "permissions",
            "permissions mail --json",
            "permissions mail network a.org",
            "permissions --reload",
            "log",
            "log mail -n 5 --search org --before 9 --json",
        ] {
            assert!(parse(good).is_ok(), "{good}");
        }
        for bad in ["permissions mail sound", "permissions --reload mail", "log -n 0", "log -n 1001"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
