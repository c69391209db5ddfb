//! Random networks through the whole pipeline, against the reference
//! evaluation of the graph as it was imported, before any pass.

use cnnc::evaluate::evaluate;
use cnnc::ir::{ElementType, Tensor};
use cnnc::{Artifact, Options, Source, WeightsMode, compile, onnx};
use cnnc_tests::data::difference;
use cnnc_tests::generated::Runner;
use cnnc_tests::random::Network;

/// Networks, all in one program.
const NETWORKS: u64 = 200;

/// Largest error of an output, relative to its largest value. Sums are short
/// here, so it is tighter than for whole networks.
const TOLERANCE: f64 = 2e-5;

#[test]
fn random_networks_compute_what_the_reference_does() {
    let options = Options { weights: WeightsMode::Bytes, ..Options::default() };
    let networks: Vec<(String, Network, Artifact)> = (0..NETWORKS)
        .map(|number| {
            let network = Network::new(number);
            let artifact = compile(&Source::bytes(network.maker.bytes()), &options)
                .unwrap_or_else(|error| panic!("{error}\n{}", network.description));
            (format!("network_{number}"), network, artifact)
        })
        .collect();
    let named: Vec<(&str, &Artifact)> =
        networks.iter().map(|(name, _, artifact)| (name.as_str(), artifact)).collect();
    let runner = Runner::build("random_networks", &named).unwrap();

    let mut wrong = Vec::new();
    for (name, network, _) in &networks {
        let input = Tensor::new(&network.input, network.values()).unwrap();
        let expected = reference(network, &input);
        for isa in ["avx512", "avx2", "scalar"] {
            let sets = [std::slice::from_ref(&input)];
            let found = runner.run(name, isa, &sets, &[ElementType::F32]);
            let outputs = found.unwrap_or_else(|error| panic!("{error}\n{}", network.description));
            let difference = difference(&outputs[0][0], &expected);
            if difference > TOLERANCE {
                let about = &network.description;
                wrong.push(format!("off by {difference:.1e} on {isa}: {about}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {NETWORKS}:\n{}", wrong.len(), wrong.join("\n"));
}

fn reference(network: &Network, input: &Tensor) -> Tensor {
    let imported =
        onnx::import(&Source::bytes(network.maker.bytes()), &Options::default()).unwrap();
    evaluate(&imported.graph, std::slice::from_ref(input)).unwrap().remove(0)
}
