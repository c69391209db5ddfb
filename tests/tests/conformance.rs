//! The conformance tests of ONNX's operators, by the reference evaluation and
//! compiled, beside what `conformance/status.tsv` says of each.

use cnnc_tests::conformance::{Compiled, Test, tests};
use cnnc_tests::generated::Runner;
use cnnc_tests::workspace;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// Programs that the networks are built into.
const PROGRAMS: usize = 8;

/// Writes the table anew.
const UPDATE: &str = "CNNC_UPDATE_STATUS";

/// Takes only tests whose name or operator contains this, and prints what
/// becomes of them.
const FILTER: &str = "CNNC_CONFORMANCE";

/// What becomes of a test: the inputs that are constants, or why it fails.
type Outcome = Result<Vec<String>, String>;

#[test]
fn operators_do_what_onnx_says() {
    let mut tests = tests().unwrap();
    if tests.is_empty() {
        eprintln!("no tests: conformance/fetch.sh gets them");
        return;
    }
    let filter = std::env::var(FILTER).ok();
    if let Some(filter) = &filter {
        tests.retain(|test| test.name.contains(filter) || test.operator.contains(filter));
    }
    let outcomes = outcomes(&tests);
    report(&tests, &outcomes);
    if filter.is_some() {
        eprint!("{}", table(&outcomes));
        return;
    }
    let path = workspace().join("tests/conformance/status.tsv");
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&path, table(&outcomes)).unwrap();
        return;
    }
    let listed = std::fs::read_to_string(&path).unwrap();
    let (listed, found) = (lines(&listed), table(&outcomes));
    let found = lines(&found);
    let names: Vec<_> = listed.keys().chain(found.keys()).collect();
    let mut changes = String::new();
    for name in names.into_iter().collect::<std::collections::BTreeSet<_>>() {
        let [was, is] = [&listed, &found].map(|table| table.get(name).copied());
        if was != is {
            let _ = writeln!(changes, "{name}:\n  listed {was:?}\n  found  {is:?}");
        }
    }
    assert!(changes.is_empty(), "{changes}where this is meant, set {UPDATE}=1 and run again");
}

/// The lines of a table by their first column.
fn lines(table: &str) -> BTreeMap<&str, &str> {
    table.lines().filter_map(|line| line.split_once('\t')).collect()
}

fn table(outcomes: &BTreeMap<String, Outcome>) -> String {
    let mut table = String::from("test\tstatus\tconstant inputs, or why it is refused\n");
    for (name, outcome) in outcomes {
        let _ = match outcome {
            Ok(constants) => writeln!(table, "{name}\tpass\t{}", constants.join(" ")),
            Err(reason) if reason.starts_with("wrong") || reason.starts_with("fails") => {
                writeln!(table, "{name}\tdiffers\t{reason}")
            }
            Err(reason) => writeln!(table, "{name}\trefused\t{reason}"),
        };
    }
    table
}

/// Compiles and runs the tests.
fn outcomes(tests: &[Test]) -> BTreeMap<String, Outcome> {
    let start = Instant::now();
    let compiled = compiled(tests);
    let mut outcomes = BTreeMap::new();
    let mut networks = Vec::new();
    for (test, compiled) in tests.iter().zip(compiled) {
        match compiled {
            Ok(compiled) => networks.push((test, compiled)),
            Err(reason) => drop(outcomes.insert(test.name.clone(), Err(reason))),
        }
    }
    eprintln!("{} of {} compile, {:.0?}", networks.len(), tests.len(), start.elapsed());
    for (program, networks) in networks.chunks(networks.len().div_ceil(PROGRAMS).max(1)).enumerate()
    {
        let start = Instant::now();
        let named: Vec<_> = networks
            .iter()
            .map(|(test, compiled)| (test.name.as_str(), &compiled.artifact))
            .collect();
        let runner = Runner::build_quickly(&format!("conformance_{program}"), &named).unwrap();
        let built = start.elapsed();
        for (test, compiled) in networks {
            let outcome = run(&runner, test, compiled).map(|()| compiled.constants.clone());
            outcomes.insert(test.name.clone(), outcome);
        }
        eprintln!("program {program}: built in {built:.0?}, all in {:.0?}", start.elapsed());
    }
    outcomes
}

/// Compiles on all processors.
fn compiled(tests: &[Test]) -> Vec<Result<Compiled, String>> {
    let next = AtomicUsize::new(0);
    let results: Vec<_> = tests.iter().map(|_| Mutex::new(None)).collect();
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(test) = tests.get(index) else { break };
                    *results[index].lock().unwrap() = Some(test.compiled());
                }
            });
        }
    });
    results.into_iter().map(|result| result.into_inner().unwrap().unwrap()).collect()
}

fn run(runner: &Runner, test: &Test, compiled: &Compiled) -> Result<(), String> {
    let elements: Vec<_> = compiled.expected.iter().map(|e| e.value.element()).collect();
    let found = runner.run(&test.name, "avx512", &[&compiled.inputs], &elements);
    match found {
        Ok(sets) => test
            .compare(&sets[0], &compiled.expected)
            .map_err(|wrong| format!("wrong when compiled: {wrong}")),
        Err(error) => {
            let text = error.to_string();
            let mut lines = text.lines().skip_while(|line| !line.contains("panicked at"));
            let said = lines.nth(1).unwrap_or(text.lines().last().unwrap_or_default());
            Err(format!("fails when compiled: {said}"))
        }
    }
}

/// Prints how many tests of each operator pass.
fn report(tests: &[Test], outcomes: &BTreeMap<String, Outcome>) {
    let mut operators: BTreeMap<&str, [usize; 2]> = BTreeMap::new();
    for test in tests {
        let counts = operators.entry(&test.operator).or_default();
        counts[0] += usize::from(outcomes[&test.name].is_ok());
        counts[1] += 1;
    }
    for (operator, [passed, all]) in operators.iter().filter(|(_, [passed, all])| passed < all) {
        eprintln!("{operator}: {passed} of {all}");
    }
    let passed = outcomes.values().filter(|outcome| outcome.is_ok()).count();
    eprintln!("{passed} of {} pass", outcomes.len());
}
