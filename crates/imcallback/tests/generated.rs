//! Compares `src/generated` with the code that the `.proto` files generate. It is in the repository because
//! its generators would add 36 crates to every consumer.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use prost::Message as _;
use protox::Compiler;

const PACKAGE: &str = ".imcallback.v1";
/// Variable that makes the test write the files instead of comparing them.
const UPDATE: &str = "UPDATE_GENERATED";

#[test]
fn the_generated_code_is_up_to_date() {
    let dir = tempfile::tempdir().unwrap();
    generate(dir.path());
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/generated");
    for entry in fs::read_dir(dir.path()).unwrap() {
        let path = entry.unwrap().path();
        let kept = kept.join(path.file_name().unwrap());
        let generated = fs::read(&path).unwrap();
        if env::var_os(UPDATE).is_some() {
            fs::write(&kept, generated).unwrap();
        } else {
            assert!(
                fs::read(&kept).is_ok_and(|kept| kept == generated),
                "{} is stale: run `{UPDATE}=1 cargo test -p imcallback --test generated`",
                kept.display()
            );
        }
    }
}

/// Writes the messages, the client, the JSON forms and the descriptor set.
fn generate(out: &Path) {
    let proto = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto");
    let mut compiler = Compiler::new([&proto]).unwrap();
    compiler.include_imports(true).include_source_info(true);
    for name in proto_files(&proto) {
        compiler.open_file(name).unwrap();
    }
    // Encoded by protox itself, because `prost_types` would drop the custom options.
    let descriptors = compiler.encode_file_descriptor_set();
    fs::write(out.join("descriptors.bin"), &descriptors).unwrap();

    tonic_prost_build::configure()
        .build_server(false)
        .compile_well_known_types(true)
        .extern_path(".google.protobuf", "crate::well_known")
        .btree_map(".")
        .out_dir(out)
        .compile_fds(prost_types::FileDescriptorSet::decode(descriptors.as_slice()).unwrap())
        .unwrap();
    let mut json = pbjson_build::Builder::new();
    json.register_descriptors(&descriptors)
        .unwrap()
        .ignore_unknown_fields()
        .btree_map([PACKAGE])
        .out_dir(out);
    json.build(&[PACKAGE]).unwrap();
    // pbjson-build 0.9 collects maps of numbers or enumerations into a HashMap, so their members would have another
    // order in each run. No message has such a map.
    let json = fs::read_to_string(out.join("imcallback.v1.serde.rs")).unwrap();
    assert!(!json.contains("HashMap"), "the JSON of a map has no fixed order; use a message or a list");
}

/// Returns the names of all `.proto` files, as they import each other.
fn proto_files(proto: &Path) -> Vec<PathBuf> {
    let package = Path::new("imcallback/v1");
    let entries = fs::read_dir(proto.join(package)).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = entries.filter(|name| name.as_encoded_bytes().ends_with(b".proto")).collect();
    names.sort();
    names.into_iter().map(|name| package.join(name)).collect()
}
