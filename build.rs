//! Generates the API from `proto/`: messages with their JSON mapping, a client,
//! a server that takes already encoded responses, and the decoding table.

use std::{env, error::Error, fmt::Write as _, fs, path::PathBuf};

use prost::Message as _;
use prost_reflect::{DescriptorPool, Value};
use protox::Compiler;

const PACKAGE: &str = ".imcallback.v1";
const FILES: [&str; 4] = [
    "imcallback/v1/event.proto",
    "imcallback/v1/event_service.proto",
    "imcallback/v1/options.proto",
    "imcallback/v1/payload.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let out = PathBuf::from(env::var("OUT_DIR")?);

    let mut compiler = Compiler::new(["proto"])?;
    compiler.include_imports(true).include_source_info(true);
    compiler.open_files(FILES)?;

    // Encoded by protox itself: going through `prost_types` would drop the custom option.
    let descriptors = compiler.encode_file_descriptor_set();
    fs::write(out.join("descriptors.bin"), &descriptors)?;
    let pool = compiler.descriptor_pool();
    fs::write(out.join("decode.rs"), decoding_table(&pool)?)?;

    let files = prost_types::FileDescriptorSet::decode(descriptors.as_slice())?;

    let messages = out.join("messages");
    fs::create_dir_all(&messages)?;
    tonic_prost_build::configure()
        .build_server(false)
        .compile_well_known_types(true)
        .extern_path(".google.protobuf", "::pbjson_types")
        .out_dir(&messages)
        .compile_fds(files.clone())?;

    // The server's responses are bytes that were encoded once for all readers.
    let server = out.join("server");
    fs::create_dir_all(&server)?;
    tonic_prost_build::configure()
        .build_client(false)
        .extern_path(format!("{PACKAGE}.SubscribeResponse"), "crate::grpc::Encoded")
        .extern_path(format!("{PACKAGE}.ListEventsResponse"), "crate::grpc::Encoded")
        .extern_path(PACKAGE, "crate::proto")
        .compile_well_known_types(true)
        .extern_path(".google.protobuf", "::pbjson_types")
        .codec_path("crate::grpc::EncodedCodec")
        .out_dir(&server)
        .compile_fds(files)?;

    pbjson_build::Builder::new()
        .register_descriptors(&descriptors)?
        .ignore_unknown_fields()
        .out_dir(&messages)
        .build(&[PACKAGE])?;
    Ok(())
}

/// A function from a command and its body to the typed payload, one arm for
/// each field of `Event.payload` that names a command.
fn decoding_table(pool: &DescriptorPool) -> Result<String, Box<dyn Error>> {
    let event = pool.get_message_by_name("imcallback.v1.Event").ok_or("no Event message")?;
    let command_option =
        pool.get_extension_by_name("imcallback.v1.callback_command").ok_or("no callback_command option")?;
    let payload = event.oneofs().find(|oneof| oneof.name() == "payload").ok_or("no Event.payload")?;

    let mut arms = String::new();
    let mut commands = Vec::new();
    for field in payload.fields() {
        let options = field.options();
        let command = options.get_extension(&command_option);
        let Value::String(command) = command.as_ref() else { unreachable!("a string option") };
        if command.is_empty() {
            return Err(format!("{}: set (callback_command)", field.full_name()).into());
        }
        let variant = pascal_case(field.name());
        let command = format!("{command:?}");
        if commands.contains(&command) {
            return Err(format!("{}: {command} has another field already", field.full_name()).into());
        }
        writeln!(arms, "        {command} => serde_json::from_str(body).map(Payload::{variant}),")?;
        commands.push(command);
    }
    Ok(format!(
        "/// Decodes the body of a command of the catalogue; `None` for any other command.\n\
         pub(crate) fn decode_payload(\n    \
             command: &str,\n    \
             body: &str,\n\
         ) -> Option<serde_json::Result<event::Payload>> {{\n    \
             use event::Payload;\n    \
             Some(match command {{\n{arms}        _ => return None,\n    }})\n\
         }}\n\n\
         /// Whether a command is in the catalogue.\n\
         pub(crate) fn is_known(command: &str) -> bool {{\n    matches!(command, {commands})\n}}\n",
        commands = commands.join(" | "),
    ))
}

/// The variant name that prost gives to a oneof's field.
fn pascal_case(snake: &str) -> String {
    snake
        .split('_')
        .map(|word| {
            let (first, rest) = word.split_at(word.len().min(1));
            first.to_uppercase() + rest
        })
        .collect()
}
