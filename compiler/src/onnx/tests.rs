//! Whole models, most of them broken.

mod external_data;
mod fixture;
mod graphs;
mod hostile;
mod shapes;
mod tensors;
