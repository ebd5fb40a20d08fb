//! `management policy`: the placement policy of a live system, shown or set.

use clap::Args;
use model::document::PolicyChoices;
use serde_json::{Map, Value};

use super::failure::{Failure, Outcome};
use super::server::ServerArguments;
use super::shape::{Shape, facts};
use super::values;
use crate::api::body::Policies;
use crate::client::{Call, Method};

/// Show the policy of a live system, or set it
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  management policy
  management policy best-fit
  management policy l2+easy+topology

A new policy counts from the next round on; the queue is kept.")]
pub struct Arguments {
    /// The policy to set, and choices that override its name, as in best-fit or l2+easy
    #[arg(value_name = "POLICY", value_parser = values::policy)]
    policy: Option<PolicyChoices>,
    #[command(flatten)]
    server: ServerArguments,
    /// How the answer is printed
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT", help_heading = "Output")]
    output: Shape,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let client = arguments.server.client()?;
    let policies: Policies = match arguments.policy {
        None => client.read(&Call::get(&["v1", "policies"]))?,
        Some(choices) => client.read(&Call::new(Method::PUT, &["v1", "policies", "placement"]).json(&document(choices)))?,
    };
    arguments.output.print(&policies, table)?;
    Ok(Outcome::Done)
}

/// The choices as a document writes them.
pub fn document(choices: PolicyChoices) -> Value {
    let PolicyChoices { name, order, fit, admission, cores, preempt, kill_overrun } = choices;
    let words = [
        ("name", name.map(|it| it.word())),
        ("order", order.map(|it| it.word())),
        ("fit", fit.map(|it| it.word())),
        ("admission", admission.map(|it| it.word())),
        ("cores", cores.map(|it| it.word())),
    ];
    let words = words.into_iter().filter_map(|(field, word)| Some((field.to_owned(), word?.into())));
    let flags = [("preempt", preempt), ("kill_overrun", kill_overrun)];
    let flags = flags.into_iter().filter(|(_, on)| *on).map(|(field, on)| (field.to_owned(), on.into()));
    Value::Object(words.chain(flags).collect::<Map<_, _>>())
}

fn table(policies: &Policies) -> String {
    let policy = &policies.placement;
    let yes = |on: bool| Some(if on { "yes" } else { "no" }.to_owned());
    facts(&[
        ("policy", Some(policy.name.clone())),
        ("order", Some(policy.order.word().to_owned())),
        ("fit", Some(policy.fit.word().to_owned())),
        ("admission", Some(policy.admission.word().to_owned())),
        ("cores", Some(policy.cores.word().to_owned())),
        ("preempt", yes(policy.preempt)),
        ("kill overrun", yes(policy.kill_overrun)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::document::PolicyDocument;

    #[test]
    fn what_is_sent_is_the_policy_that_was_named() {
        for text in ["best-fit", "l2+easy+topology", "first-fit-decreasing+conservative+preempt+kill-overrun", "priority"] {
            let choices = values::policy(text).unwrap();
            let read: PolicyDocument = serde_json::from_value(document(choices)).unwrap();
            assert_eq!(read.resolve(), choices.resolve(), "{text}");
        }
    }
}
