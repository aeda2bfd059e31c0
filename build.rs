//! Generates the parts that only the gateway needs from `proto/`: a server that takes already encoded
//! responses, and the catalogue of commands. The crate `imcallback` has the messages and the client.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    error::Error,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use prost_reflect::{DescriptorPool, FieldDescriptor, Kind, MessageDescriptor, Value};
use protox::Compiler;

const PACKAGE: &str = ".imcallback.v1";
/// Variable with the commit, for builds without a repository, such as of an image.
const COMMIT_VARIABLE: &str = "BUILD_COMMIT";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let version = env::var("CARGO_PKG_VERSION")?;
    let version = commit()?.map_or(version.clone(), |commit| format!("{version} ({commit})"));
    println!("cargo:rustc-env=VERSION_WITH_COMMIT={version}");
    let out = PathBuf::from(env::var("OUT_DIR")?);

    let mut compiler = Compiler::new(["proto"])?;
    compiler.include_imports(true).include_source_info(true);
    for name in proto_files()? {
        compiler.open_file(name)?;
    }

    fs::write(out.join("catalogue.rs"), catalogue(&compiler.descriptor_pool())?)?;

    // Responses are bytes that were encoded once for all readers.
    let server = out.join("server");
    fs::create_dir_all(&server)?;
    let mut server_build = tonic_prost_build::configure().build_client(false);
    let files = compiler.file_descriptor_set();
    let services = files.file.iter().flat_map(|file| &file.service);
    for method in services.flat_map(|service| &service.method) {
        server_build = server_build.extern_path(method.output_type(), "crate::delivery::grpc::Encoded");
    }
    server_build
        .extern_path(PACKAGE, "::imcallback")
        .compile_well_known_types(true)
        .extern_path(".google.protobuf", "::imcallback::well_known")
        .codec_path("crate::delivery::grpc::EncodedCodec")
        .out_dir(&server)
        .compile_fds(files)?;
    Ok(())
}

/// Returns the commit that is built: from the variable, or in an optimised build from the repository. Other
/// builds have the version only, because otherwise each commit would recompile everything.
///
/// It is the commit that was checked out. The suffix `-dirty` means that a tracked file was changed when this
/// script ran, which is exact in a clean build, as for releases. In an incremental build it may be outdated:
/// cargo runs the script again after a checkout, a commit, and a change of its inputs. Running it after each
/// change of a source would recompile all generated code each time.
fn commit() -> Result<Option<String>, Box<dyn Error>> {
    println!("cargo:rerun-if-env-changed={COMMIT_VARIABLE}");
    let given = env::var(COMMIT_VARIABLE).unwrap_or_default();
    let (commit, mark) = if !given.is_empty() {
        (given, "")
    } else if env::var("PROFILE")? == "release" && Path::new(".git").exists() {
        // A checkout changes the first file, and a commit the second. Omit a missing file: cargo would take
        // it as changed each time.
        for name in ["HEAD", "logs/HEAD"] {
            if let Some(path) =
                git(&["rev-parse", "--git-path", name]).filter(|path| Path::new(path).exists())
            {
                println!("cargo:rerun-if-changed={path}");
            }
        }
        let Some(commit) = git(&["rev-parse", "HEAD"]) else { return Ok(None) };
        let changed = git(&["--no-optional-locks", "status", "--porcelain", "--untracked-files=no"]);
        (commit, if changed.is_none_or(|changed| changed.is_empty()) { "" } else { "-dirty" })
    } else {
        return Ok(None);
    };
    if commit.len() < 7 || !commit.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(
            format!("{COMMIT_VARIABLE}={commit}: set it to a commit, 7 or more hexadecimal digits").into()
        );
    }
    Ok(Some(format!("{}{mark}", &commit[..commit.len().min(12)])))
}

/// Returns a line that git prints. `None` if there is no git or it fails.
fn git(args: &[&str]) -> Option<String> {
    let output = Command::new("git").args(args).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}

/// Returns the names of all `.proto` files of the API, as they import each other.
fn proto_files() -> Result<Vec<String>, Box<dyn Error>> {
    let mut names = Vec::new();
    for entry in fs::read_dir("proto/imcallback/v1")? {
        let name = entry?.file_name().into_string().map_err(|name| format!("{name:?} is not UTF-8"))?;
        if name.ends_with(".proto") {
            names.push(format!("imcallback/v1/{name}"));
        }
    }
    names.sort();
    Ok(names)
}

/// Catalogue for the decoder: the kinds of the commands, their order keys, their fields in `Event.payload`, and the
/// shapes of their messages.
fn catalogue(pool: &DescriptorPool) -> Result<String, Box<dyn Error>> {
    let event = pool.get_message_by_name("imcallback.v1.Event").ok_or("no Event message")?;
    let payload = event.oneofs().find(|oneof| oneof.name() == "payload").ok_or("no Event.payload")?;
    let option = |name: &str| {
        pool.get_extension_by_name(&format!("imcallback.v1.{name}")).ok_or(format!("no option {name}"))
    };
    let command_option = option("callback_command")?;
    let kind_option = option("callback_kind")?;
    let order_key_option = option("order_key")?;

    let mut commands = BTreeSet::new();
    let mut shapes = BTreeMap::new();
    let (mut payloads, mut kinds, mut order_keys) = (String::new(), String::new(), String::new());
    for field in payload.fields() {
        let options = field.options();
        let Value::String(command) = options.get_extension(&command_option).into_owned() else {
            return Err("callback_command is not a string".into());
        };
        if command.is_empty() {
            return Err(format!("{}: set (callback_command)", field.full_name()).into());
        }
        if !commands.insert(command.clone()) {
            return Err(format!("{}: {command} already has another field", field.full_name()).into());
        }
        let kind = match options.get_extension(&kind_option).as_ref() {
            Value::EnumNumber(1) => "Before",
            Value::EnumNumber(2) => "After",
            _ => return Err(format!("{}: set (callback_kind)", field.full_name()).into()),
        };
        let Kind::Message(message) = field.kind() else {
            return Err(format!(
                "{}: Event.payload may only have message fields; change the proto file",
                field.full_name()
            )
            .into());
        };
        let order_key = order_key(&field, &message, options.get_extension(&order_key_option).as_ref())?;
        writeln!(order_keys, "        {command:?} => &[{order_key}],")?;
        let shape = shape(&message, &mut shapes)?;
        writeln!(payloads, "        {command:?} => ({}, &{shape}),", field.number())?;
        writeln!(kinds, "        {command:?} => CallbackKind::{kind},")?;
    }
    let shapes: String = shapes.into_values().collect();
    Ok(format!(
        "/// Returns the field of `Event.payload` for a command of the catalogue, and the shape of its message. `None`\n\
         /// for any other command.\n\
         pub(crate) fn payload_shape(command: &str) -> Option<(u32, &'static MessageShape)> {{\n    \
             Some(match command {{\n{payloads}        _ => return None,\n    }})\n\
         }}\n\n\
         /// Returns a command's kind: as declared in the catalogue, or derived from its name.\n\
         pub(crate) fn callback_kind(command: &str) -> CallbackKind {{\n    \
             match command {{\n{kinds}        _ => derived_kind(command),\n    }}\n\
         }}\n\n\
         /// Returns the paths to the group or account that orders a command's events; none if all events of the app\n\
         /// have one order. `None` for a command that is not in the catalogue.\n\
         pub(crate) fn order_key(command: &str) -> Option<&'static [OrderPath]> {{\n    \
             let paths: &[OrderPath] = match command {{\n{order_keys}        _ => return None,\n    }};\n    \
             Some(paths)\n\
         }}\n\n{shapes}",
    ))
}

/// Returns the paths of a field's `order_key` as elements of an array.
fn order_key(
    field: &FieldDescriptor,
    message: &MessageDescriptor,
    option: &Value,
) -> Result<String, Box<dyn Error>> {
    let paths = option.as_list().unwrap_or_default().iter().map(|path| path.as_str().unwrap_or_default());
    let paths: Vec<_> = paths.collect();
    let mut elements = String::new();
    match paths[..] {
        [] => return Err(format!("{}: set (order_key)", field.full_name()).into()),
        ["@app"] => {}
        _ => {
            for path in paths {
                let segments = order_path(message, path)
                    .map_err(|problem| format!("{}: (order_key) = {path:?}: {problem}", field.full_name()))?;
                write!(elements, "&{segments:?}, ")?;
            }
        }
    }
    Ok(elements)
}

/// Returns the JSON names on a path to a string, if the message has it.
fn order_path<'a>(message: &MessageDescriptor, path: &'a str) -> Result<Vec<&'a str>, String> {
    let segments: Vec<_> = path.split('.').collect();
    let (last, parents) = segments.split_last().ok_or("the path is empty")?;
    let find = |message: &MessageDescriptor, name: &str| {
        let field = message.get_field_by_json_name(name);
        field.ok_or(format!("{} has no field with the JSON name {name:?}", message.full_name()))
    };
    let mut message = message.clone();
    for name in parents {
        message = match find(&message, name)?.kind() {
            Kind::Message(inner) => inner,
            _ => return Err(format!("{name} is not a message")),
        };
    }
    if find(&message, last)?.kind() != Kind::String {
        return Err(format!("{last} is not a string"));
    }
    // These are the names of groups and accounts in every body.
    if !matches!(*last, "GroupId" | "GroupID") && !last.ends_with("Account") {
        return Err(format!("{last} must be GroupId, GroupID or a name that ends in Account"));
    }
    Ok(segments)
}

/// Adds the constants that describe a message and its nested messages. Returns the name of the message's constant.
fn shape(
    message: &MessageDescriptor,
    shapes: &mut BTreeMap<String, String>,
) -> Result<String, Box<dyn Error>> {
    let name = format!("SHAPE_{}", message.full_name().replace('.', "_").to_uppercase());
    if shapes.contains_key(&name) {
        return Ok(name);
    }
    // A message may contain itself.
    shapes.insert(name.clone(), String::new());
    let mut fields = String::new();
    // Sorted by field number.
    for field in message.fields() {
        let is_choice = field.containing_oneof().is_some_and(|oneof| !oneof.is_synthetic());
        let kind = match field.kind() {
            _ if field.is_map() || is_choice => return Err(unknown_kind(&field)),
            Kind::String => "String".to_owned(),
            Kind::Int32 => "Int32".to_owned(),
            Kind::Int64 => "Int64".to_owned(),
            Kind::Message(inner) => match inner.full_name() {
                "google.protobuf.Struct" => "Struct".to_owned(),
                "google.protobuf.Value" => "Value".to_owned(),
                _ if inner.package_name() == "imcallback.v1" => {
                    format!("Message(&{})", shape(&inner, shapes)?)
                }
                _ => return Err(unknown_kind(&field)),
            },
            _ => return Err(unknown_kind(&field)),
        };
        let is_list = field.is_list();
        if is_list && matches!(field.kind(), Kind::Int32 | Kind::Int64) {
            return Err(unknown_kind(&field));
        }
        writeln!(
            fields,
            "    FieldShape {{ name: {:?}, number: {}, kind: FieldKind::{kind}, is_list: {is_list}, \
             has_presence: {} }},",
            field.json_name(),
            field.number(),
            field.supports_presence(),
        )?;
    }
    let constant = format!("static {name}: MessageShape = MessageShape {{ fields: &[\n{fields}] }};\n\n");
    shapes.insert(name.clone(), constant);
    Ok(name)
}

fn unknown_kind(field: &FieldDescriptor) -> Box<dyn Error> {
    format!(
        "{}: add this type to `shape` in build.rs and to src/ingest/callback/payload.rs",
        field.full_name()
    )
    .into()
}
