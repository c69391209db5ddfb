//! Whole models, most of them broken.

mod control;
mod external_data;
mod fixture;
mod graphs;
mod hostile;
mod shapes;
mod tensors;
