//! stub
/// r
#[derive(Clone, Debug)]
pub struct PassReport;
/// r
pub fn run(graph: &mut crate::ops::Graph) -> crate::Result<Vec<PassReport>> { let _ = graph; Ok(vec![]) }
