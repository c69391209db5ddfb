//! Tables for people.

use crate::error::{Result, printable};
use crate::ir::Value;
use crate::onnx::Imported;
use crate::ops::{Op, multiply_adds};
use crate::passes::PassReport;
use crate::plan::{Plan, memory};
use std::fmt::Write as _;

/// Inputs, outputs, operators and sizes of a network as it is in the file.
///
/// # Errors
/// Where the graph has circles.
pub fn model(imported: &Imported<Op>) -> Result<String> {
    let graph = &imported.graph;
    let mut text = format!("network `{}`", printable(&graph.name));
    if !imported.producer.is_empty() {
        let _ = write!(text, ", exported by {}", imported.producer);
    }
    let _ = writeln!(text, ", operator set {}\n", imported.opset);
    for &node in graph.inputs() {
        let value = Value { node, output: 0 };
        let name = printable(&graph.node(node).name);
        let _ = writeln!(text, "input  {name}: {}", graph.type_of(value));
    }
    for output in graph.outputs() {
        let _ =
            writeln!(text, "output {}: {}", printable(&output.name), graph.type_of(output.value));
    }
    let adds: u64 = graph.order()?.into_iter().map(|node| multiply_adds(graph, node)).sum();
    let _ = writeln!(
        text,
        "\n{:.3} million parameters, {:.3} billion multiply-adds",
        imported.parameters as f64 / 1e6,
        adds as f64 / 1e9
    );
    let mut operators: Vec<_> = imported.operators.iter().collect();
    operators.sort_by_key(|&(name, &count)| (std::cmp::Reverse(count), name.clone()));
    let operators: Vec<_> =
        operators.iter().map(|(name, count)| format!("{} {count}", printable(name))).collect();
    let _ = writeln!(text, "operators: {}", operators.join(", "));
    if !imported.folded.is_empty() {
        let _ = writeln!(
            text,
            "computed while reading, as they depend on constants and shapes only: {}",
            imported.folded.len()
        );
    }
    Ok(text)
}

/// What each pass did, and what it left and why.
#[must_use]
pub fn passes(reports: &[PassReport]) -> String {
    let mut text = String::from("\npasses\n");
    for report in reports {
        let _ = writeln!(text, "\n{}: {}", report.pass, report.about);
        for rewrite in &report.rewrites {
            let nodes: Vec<_> = rewrite.nodes.iter().map(|name| printable(name)).collect();
            let _ = writeln!(text, "  + {}: {}", nodes.join(", "), rewrite.what);
        }
        for refusal in &report.refusals {
            let _ = writeln!(text, "  - {}: {}", printable(&refusal.node), refusal.why);
        }
        if report.rewrites.is_empty() && report.refusals.is_empty() {
            text.push_str("  nothing to do\n");
        }
    }
    text
}

/// The steps of a plan, and the map of its arena.
#[must_use]
pub fn plan(plan: &Plan) -> String {
    let mut text = format!(
        "\nplan: {} steps, {} bytes of arena, {} bytes of weights\n\n",
        plan.steps.len(),
        plan.arena_bytes,
        plan.weights.len() * 4
    );
    let rows: Vec<[String; 5]> = plan
        .steps
        .iter()
        .map(|step| {
            let (shape, offset) = step.kernel.result();
            [
                printable(&step.name),
                step.operator.clone(),
                step.kernel.label().to_owned(),
                shape,
                offset.to_string(),
            ]
        })
        .collect();
    text.push_str(&table(["node", "operator", "kernel", "result", "at byte"], &rows));
    text.push_str(&arena(plan));
    text
}

/// Columns wide enough for what is in them.
fn table(titles: [&str; 5], rows: &[[String; 5]]) -> String {
    let mut widths = titles.map(str::len);
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: [&str; 5]| {
        let cells = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    let mut text = line(titles);
    for row in rows {
        text.push_str(&line(row.each_ref().map(String::as_str)));
    }
    text
}

/// Columns of the map of the arena.
const MAP: usize = 48;

/// Longest name in the map; more is cut.
const NAME: usize = 28;

/// Who lives where from which step to which: a bar a resident. Step 0 writes
/// the inputs, and the one after the last reads the outputs.
fn arena(plan: &Plan) -> String {
    let least = memory::least_possible(&plan.residents);
    let mut text = format!(
        "\narena: {} bytes; at most {least} bytes live at once\n\n{:>10} {:>10}  {:<9}  {:<NAME$}  place\n",
        plan.arena_bytes, "at byte", "bytes", "steps", "first written by"
    );
    for resident in &plan.residents {
        let column = |bytes: usize| bytes * MAP / plan.arena_bytes.max(1);
        let (start, end) = (column(resident.offset), column(resident.offset + resident.bytes));
        let bar = format!("{}{}", " ".repeat(start), "█".repeat((end - start).max(1)));
        let name = match resident.first.checked_sub(1) {
            None => "input",
            Some(step) => plan.steps.get(step).map_or("", |step| &step.name),
        };
        let name: String = printable(name).chars().take(NAME).collect();
        let _ = writeln!(
            text,
            "{:>10} {:>10}  {:<9}  {name:<NAME$}  {bar}",
            resident.offset,
            resident.bytes,
            format!("{}-{}", resident.first, resident.last)
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::TensorType;
    use crate::ops::{Activation, Graph};

    #[test]
    fn steps_and_their_places_are_shown() {
        let mut graph = Graph::new("g");
        let x = graph.add_input("x", TensorType::f32(&[1, 16]));
        let y = graph.add_operator("squash\n", Activation::Sigmoid.into(), &[Some(x)]).unwrap();
        graph.add_output("y", y);
        let text = plan(&crate::plan::plan(&graph).unwrap());
        let expected = [
            "plan: 1 steps, 128 bytes of arena, 64 bytes of weights",
            "",
            "node      operator  kernel       result     at byte",
            "squash\\n  Sigmoid   elementwise  16 values  64",
            "",
            "arena: 128 bytes; at most 128 bytes live at once",
            "",
            "   at byte      bytes  steps      first written by              place",
            "         0         64  0-1        input                         ████████████████████████",
            "        64         64  1-2        squash\\n                                              ████████████████████████",
        ];
        let found: Vec<_> = text.lines().skip(1).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn passes_say_what_they_did_and_why_not() {
        use crate::passes::{Refusal, Rewrite};
        let report =
            |rewrites, refusals| PassReport { pass: "fold", about: "Folds.", rewrites, refusals };
        let rewrite = Rewrite { nodes: vec!["a\u{1b}".into(), "b".into()], what: "gone".into() };
        let refusal = Refusal { node: "c".into(), why: "it is read twice".into() };
        let text = passes(&[report(vec![rewrite], vec![refusal]), report(vec![], vec![])]);
        assert_eq!(
            text,
            "\npasses\n\n\
             fold: Folds.\n  + a\\u{1b}, b: gone\n  - c: it is read twice\n\n\
             fold: Folds.\n  nothing to do\n"
        );
    }
}
