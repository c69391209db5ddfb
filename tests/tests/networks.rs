//! Whole networks, compiled and built as a user does, against the outputs that
//! another program computed for them.

use cnnc::{Options, Source, WeightsMode, compile};
use cnnc_tests::generated::Runner;
use cnnc_tests::{data, workspace, zoo};
use std::path::Path;

/// Largest error of an output, relative to its largest value.
const TOLERANCE: f64 = 1e-4;

/// Most multiply-adds of a network that is also run on the portable kernels,
/// which are slow.
const SCALAR_MULTIPLY_ADDS: u64 = 3_000_000_000;

fn check(name: &str, folder: &Path) {
    let options = Options { weights: WeightsMode::Bytes, ..Options::default() };
    check_model(name, &folder.join("model.onnx"), &options, folder);
}

/// Checks a model file against the test data in a folder.
fn check_model(name: &str, model: &Path, options: &Options, folder: &Path) {
    let artifact = compile(&Source::path(model), options).unwrap();
    let multiply_adds: u64 = artifact.plan.steps.iter().map(|step| step.multiply_adds).sum();
    let sets = data::sets(folder).unwrap();
    let runner = Runner::build(name, &[("network", &artifact)]).unwrap();
    drop(artifact);
    // An instruction set that the processor lacks gives way to the next best.
    for isa in ["avx512", "avx2", "scalar"] {
        if isa == "scalar" && multiply_adds > SCALAR_MULTIPLY_ADDS {
            continue;
        }
        let difference = runner.largest_difference("network", isa, &sets).unwrap();
        println!("{name} on {isa}: {difference:.1e}");
        assert!(difference <= TOLERANCE, "{name} on {isa} is off by {difference:.1e}");
    }
    runner.delete_weights("network").unwrap();
}

macro_rules! zoo_networks {
    ($($name:ident),* $(,)?) => {
        $(#[test]
        fn $name() {
            let name = stringify!($name);
            check(name, &zoo::filled(name).unwrap());
        })*

        #[test]
        fn every_network_of_the_zoo_is_here() {
            assert_eq!([$(stringify!($name)),*], zoo::NAMES);
        }
    };
}

zoo_networks!(
    deconvnet_small,
    squeezenet1_1,
    unet_small,
    mobilenet_v2,
    resnet18,
    resnet18_dynamo,
    googlenet,
    nin_imagenet,
    densenet121,
    resnet50,
    alexnet,
    bvlc_alexnet,
    resnet152,
    fcn32s_vgg16,
    fcn16s_vgg16,
    fcn8s_vgg16,
    fcn_resnet50,
    zfnet512,
    resnet18_dynamo_raw,
    rcnn_alexnet_features,
    yolo_v1_tiny,
    yolo_v1,
    sppnet_zf5,
    fast_rcnn_vgg16,
    faster_rcnn_vgg16,
    fasterrcnn_mobilenet_v3_large_320_fpn,
    deconvnet_unpool_small,
    vgg16,
    vgg19_bn,
);

mod trained {
    use super::*;

    #[test]
    fn squeezenet1_1() {
        check("trained_squeezenet1_1", &workspace().join("examples/models/squeezenet1_1"));
    }

    #[test]
    fn mobilenet_v2() {
        check("trained_mobilenet_v2", &workspace().join("tests/models/mobilenet_v2"));
    }

    #[test]
    fn mnist() {
        check("trained_mnist", &workspace().join("examples/models/mnist"));
    }

    #[test]
    fn mtcnn_rcnn() {
        check("trained_mtcnn_rcnn", &workspace().join("tests/models/mtcnn_rcnn"));
    }

    #[test]
    fn ppocr_v4_det() {
        let folder = workspace().join("tests/models/ppocr_v4_det");
        for [height, width] in [[128, 256], [160, 320], [192, 384]] {
            let options = Options {
                inputs: vec![("x".into(), vec![1, 3, height, width])],
                weights: WeightsMode::Bytes,
                ..Options::default()
            };
            let size = format!("{height}x{width}");
            let name = format!("trained_ppocr_{size}");
            check_model(&name, &folder.join("model.onnx"), &options, &folder.join(size));
        }
    }
}
