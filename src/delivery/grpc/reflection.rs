//! Server reflection over the gateway's descriptors.
//!
//! tonic-reflection's service is not used: it ends the stream on an unknown symbol, where the protocol asks for an
//! `error_response` inside it, and it finds neither extensions nor values of top-level enums. prost-reflect, which finds
//! both, would decode and encode the files again. Here each file is served as the bytes that the compiler wrote, with its
//! custom options. prost-types reads the names, and this module keeps an index of them. tonic-reflection's generated
//! messages and server are used.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    pin::Pin,
    sync::Arc,
};

use futures_util::{Stream, stream};
use prost::{
    Message as _,
    bytes::Buf as _,
    encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field},
};
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto};
use tokio::time::timeout;
use tonic::{Code, Request, Response, Status, Streaming};
use tonic_reflection::{
    pb::v1::{
        ErrorResponse, ExtensionNumberResponse, FileDescriptorResponse, ListServiceResponse,
        ServerReflectionRequest, ServerReflectionResponse, ServiceResponse,
        server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
        server_reflection_server::ServerReflection,
    },
    server::v1::ServerReflectionServer,
};

use super::{arrival::MESSAGE_TIMEOUT, limits::MAX_OPEN_REQUEST_BYTES, status};
use crate::proto;

/// Number of the field `file` of `google.protobuf.FileDescriptorSet`.
const FILE: u32 = 1;

/// Returns the service, for both versions of the protocol.
pub(super) fn server() -> ServerReflectionServer<Reflection> {
    let sets = [
        proto::FILE_DESCRIPTOR_SET,
        // With these, grpcurl shows error details and health messages instead of base64.
        tonic_types::pb::FILE_DESCRIPTOR_SET,
        tonic_health::pb::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
    ];
    let index = Index::new(&sets).expect("the built-in descriptors are valid");
    ServerReflectionServer::new(Reflection(Arc::new(index))).max_decoding_message_size(MAX_OPEN_REQUEST_BYTES)
}

/// Reflection service.
#[derive(Debug, Clone)]
pub(super) struct Reflection(Arc<Index>);

/// Index of the files by the symbols that they declare.
#[derive(Debug, Default)]
struct Index {
    /// The files as they were encoded.
    files: Vec<Vec<u8>>,
    /// Index in `files` by file name.
    names: HashMap<String, usize>,
    /// Index in `files` by full name, without a leading dot.
    symbols: HashMap<String, usize>,
    /// Index in `files` by extended message and number.
    extensions: HashMap<String, BTreeMap<i32, usize>>,
    services: BTreeSet<String>,
}

impl Index {
    fn new(sets: &[&[u8]]) -> Result<Self, prost::DecodeError> {
        let mut index = Self::default();
        for set in sets {
            for bytes in split(set)? {
                let file = FileDescriptorProto::decode(bytes)?;
                // The sets share files, such as those of `google.protobuf`.
                if !index.names.contains_key(file.name()) {
                    index.add_file(&file, bytes);
                }
            }
        }
        Ok(index)
    }

    fn add_file(&mut self, file: &FileDescriptorProto, bytes: &[u8]) {
        let position = self.files.len();
        self.files.push(bytes.to_vec());
        self.names.insert(file.name().to_owned(), position);
        let package = file.package();
        for message in &file.message_type {
            self.add_message(package, message, position);
        }
        for declared in &file.enum_type {
            self.add_enum(package, declared, position);
        }
        for extension in &file.extension {
            self.add_extension(package, extension, position);
        }
        for service in &file.service {
            let name = join(package, service.name());
            for method in &service.method {
                self.symbols.insert(join(&name, method.name()), position);
            }
            self.symbols.insert(name.clone(), position);
            self.services.insert(name);
        }
    }

    fn add_message(&mut self, scope: &str, message: &DescriptorProto, position: usize) {
        let name = join(scope, message.name());
        for field in &message.field {
            self.symbols.insert(join(&name, field.name()), position);
        }
        for oneof in &message.oneof_decl {
            self.symbols.insert(join(&name, oneof.name()), position);
        }
        for nested in &message.nested_type {
            self.add_message(&name, nested, position);
        }
        for declared in &message.enum_type {
            self.add_enum(&name, declared, position);
        }
        for extension in &message.extension {
            self.add_extension(&name, extension, position);
        }
        self.symbols.insert(name, position);
    }

    /// Values of an enum belong to the scope around the enum, as in C++.
    fn add_enum(&mut self, scope: &str, declared: &EnumDescriptorProto, position: usize) {
        let name = join(scope, declared.name());
        for value in &declared.value {
            self.symbols.insert(join(scope, value.name()), position);
            // Some clients ask for them by this name.
            self.symbols.insert(join(&name, value.name()), position);
        }
        self.symbols.insert(name, position);
    }

    fn add_extension(&mut self, scope: &str, extension: &FieldDescriptorProto, position: usize) {
        self.symbols.insert(join(scope, extension.name()), position);
        let extended = extension.extendee().trim_start_matches('.').to_owned();
        self.extensions.entry(extended).or_default().insert(extension.number(), position);
    }

    fn answer(&self, request: &MessageRequest) -> MessageResponse {
        let name = |name: &str| name.trim_start_matches('.').to_owned();
        let file = |position: Option<&usize>, what: &str| match position
            .and_then(|&position| self.files.get(position))
        {
            Some(file) => MessageResponse::FileDescriptorResponse(FileDescriptorResponse {
                file_descriptor_proto: vec![file.clone()],
            }),
            None => not_found(what),
        };
        match request {
            MessageRequest::FileByFilename(name) => file(self.names.get(name), "file"),
            MessageRequest::FileContainingSymbol(symbol) => file(self.symbols.get(&name(symbol)), "symbol"),
            MessageRequest::FileContainingExtension(extension) => {
                let extensions = self.extensions.get(&name(&extension.containing_type));
                let position = extensions.and_then(|numbers| numbers.get(&extension.extension_number));
                file(position, "extension")
            }
            MessageRequest::AllExtensionNumbersOfType(extended) => {
                let extended = name(extended);
                match self.extensions.get(&extended) {
                    // A message without extensions has none; clients such as grpcurl ask for all.
                    None if !self.symbols.contains_key(&extended) => not_found("message"),
                    numbers => MessageResponse::AllExtensionNumbersResponse(ExtensionNumberResponse {
                        base_type_name: extended,
                        extension_number: numbers.into_iter().flat_map(BTreeMap::keys).copied().collect(),
                    }),
                }
            }
            MessageRequest::ListServices(_) => {
                let service =
                    self.services.iter().map(|name| ServiceResponse { name: name.clone() }).collect();
                MessageResponse::ListServicesResponse(ListServiceResponse { service })
            }
        }
    }
}

fn not_found(what: &str) -> MessageResponse {
    error(Code::NotFound, format!("the gateway's descriptors have no such {what}"))
}

fn error(code: Code, message: impl Into<String>) -> MessageResponse {
    MessageResponse::ErrorResponse(ErrorResponse { error_code: code.into(), error_message: message.into() })
}

fn join(scope: &str, name: &str) -> String {
    if scope.is_empty() { name.to_owned() } else { format!("{scope}.{name}") }
}

/// Returns the files of a set, each as it was encoded: decoding would drop the custom options.
fn split(set: &[u8]) -> Result<Vec<&[u8]>, prost::DecodeError> {
    let mut files = Vec::new();
    let mut rest = set;
    while rest.has_remaining() {
        let (field, wire_type) = decode_key(&mut rest)?;
        if field == FILE && wire_type == WireType::LengthDelimited {
            let len = usize::try_from(decode_varint(&mut rest)?).unwrap_or(usize::MAX);
            let Some((file, behind)) = rest.split_at_checked(len) else {
                return Err(FileDescriptorProto::decode(&[0xff][..]).expect_err("it is cut off"));
            };
            files.push(file);
            rest = behind;
        } else {
            skip_field(wire_type, field, &mut rest, DecodeContext::default())?;
        }
    }
    Ok(files)
}

type Responses = Pin<Box<dyn Stream<Item = Result<ServerReflectionResponse, Status>> + Send>>;

#[tonic::async_trait]
impl ServerReflection for Reflection {
    type ServerReflectionInfoStream = Responses;

    async fn server_reflection_info(
        &self,
        requests: Request<Streaming<ServerReflectionRequest>>,
    ) -> Result<Response<Responses>, Status> {
        let (requests, index) = (requests.into_inner(), Arc::clone(&self.0));
        let responses = stream::unfold(Some((requests, index, true)), async |state| {
            let (mut requests, index, is_first) = state?;
            let request = requests.message();
            let request = if is_first {
                match timeout(MESSAGE_TIMEOUT, request).await {
                    Ok(request) => request,
                    Err(_) => return Some((Err(status::request_timeout()), None)),
                }
            } else {
                request.await
            };
            match request {
                Ok(Some(request)) => Some((Ok(index.response(request)), Some((requests, index, false)))),
                Ok(None) => None,
                Err(error) => Some((Err(wrong_request(&error)), None)),
            }
        });
        Ok(Response::new(Box::pin(responses)))
    }
}

impl Index {
    fn response(&self, request: ServerReflectionRequest) -> ServerReflectionResponse {
        let message_response = match &request.message_request {
            Some(asked) => self.answer(asked),
            None => error(Code::InvalidArgument, "set one of the request's fields"),
        };
        ServerReflectionResponse {
            valid_host: request.host.clone(),
            original_request: Some(request),
            message_response: Some(message_response),
        }
    }
}

/// Returns a status with a reason for a request that tonic could not read.
fn wrong_request(error: &Status) -> Status {
    if error.code() == Code::OutOfRange {
        status::request_too_large(MAX_OPEN_REQUEST_BYTES)
    } else {
        status::request_malformed(&format!("the stream of requests cannot be read: {}", error.message()))
    }
}

#[cfg(test)]
mod tests {
    use prost_reflect::{DescriptorPool, EnumDescriptor, MessageDescriptor};

    use super::*;

    fn index() -> Index {
        Index::new(&[proto::FILE_DESCRIPTOR_SET]).unwrap()
    }

    fn message_symbols(message: &MessageDescriptor, symbols: &mut Vec<String>) {
        symbols.push(message.full_name().to_owned());
        symbols.extend(message.fields().map(|field| field.full_name().to_owned()));
        symbols.extend(message.oneofs().map(|oneof| oneof.full_name().to_owned()));
        message.child_messages().for_each(|nested| message_symbols(&nested, symbols));
        message.child_enums().for_each(|declared| enum_symbols(&declared, symbols));
    }

    fn enum_symbols(declared: &EnumDescriptor, symbols: &mut Vec<String>) {
        symbols.push(declared.full_name().to_owned());
        symbols.extend(declared.values().map(|value| value.full_name().to_owned()));
    }

    #[test]
    fn every_symbol_of_the_descriptors_is_found_in_its_file() {
        let (index, pool) = (index(), DescriptorPool::decode(proto::FILE_DESCRIPTOR_SET).unwrap());
        let mut count = 0;
        for file in pool.files() {
            let mut symbols = Vec::new();
            file.messages().for_each(|message| message_symbols(&message, &mut symbols));
            file.enums().for_each(|declared| enum_symbols(&declared, &mut symbols));
            symbols.extend(file.extensions().map(|extension| extension.full_name().to_owned()));
            for service in file.services() {
                symbols.push(service.full_name().to_owned());
                symbols.extend(service.methods().map(|method| method.full_name().to_owned()));
            }
            for symbol in symbols {
                for asked in [symbol.clone(), format!(".{symbol}")] {
                    match index.answer(&MessageRequest::FileContainingSymbol(asked)) {
                        MessageResponse::FileDescriptorResponse(found) => {
                            let found =
                                FileDescriptorProto::decode(&*found.file_descriptor_proto[0]).unwrap();
                            assert_eq!(found.name(), file.name(), "{symbol}");
                        }
                        other => panic!("{symbol}: {other:?}"),
                    }
                }
                count += 1;
            }
            for extension in file.extensions() {
                let number = i32::try_from(extension.number()).unwrap();
                let extended = extension.containing_message().full_name().to_owned();
                let asked = tonic_reflection::pb::v1::ExtensionRequest {
                    containing_type: extended.clone(),
                    extension_number: number,
                };
                let found = index.answer(&MessageRequest::FileContainingExtension(asked));
                assert!(matches!(found, MessageResponse::FileDescriptorResponse(_)), "{found:?}");
                match index.answer(&MessageRequest::AllExtensionNumbersOfType(extended)) {
                    MessageResponse::AllExtensionNumbersResponse(numbers) => {
                        assert!(numbers.extension_number.contains(&number));
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
        assert!(count > 900, "{count} symbols");
    }

    #[test]
    fn files_are_served_as_the_compiler_wrote_them() {
        let index = index();
        let all: usize = index.files.iter().map(Vec::len).sum();
        // Each has a key and a length in the set.
        assert!((all..all + 5 * index.files.len()).contains(&proto::FILE_DESCRIPTOR_SET.len()));
    }

    #[test]
    fn unknown_names_are_answered_with_an_error() {
        let index = index();
        for asked in [
            MessageRequest::FileByFilename("no/such.proto".to_owned()),
            MessageRequest::FileContainingSymbol("no.Such".to_owned()),
            MessageRequest::AllExtensionNumbersOfType("no.Such".to_owned()),
            MessageRequest::FileContainingExtension(tonic_reflection::pb::v1::ExtensionRequest {
                containing_type: "google.protobuf.FieldOptions".to_owned(),
                extension_number: 1,
            }),
        ] {
            match index.answer(&asked) {
                MessageResponse::ErrorResponse(error) => assert_eq!(error.error_code, Code::NotFound as i32),
                other => panic!("{asked:?}: {other:?}"),
            }
        }
    }
}
