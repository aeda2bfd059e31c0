module consumer

// The newest of these modules requires this version.
go 1.25.0

require (
	example.com/callback-gateway v0.0.0
	github.com/mattn/go-sqlite3 v1.14.52
	google.golang.org/genproto/googleapis/rpc v0.0.0-20260226221140-a57be14db171
	google.golang.org/grpc v1.81.1
	google.golang.org/protobuf v1.36.11
)

require (
	golang.org/x/net v0.51.0 // indirect
	golang.org/x/sys v0.42.0 // indirect
	golang.org/x/text v0.34.0 // indirect
)

// The generated code is a module in the directory gen.
replace example.com/callback-gateway => ./gen
