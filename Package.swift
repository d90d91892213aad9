// swift-tools-version: 6.2
import PackageDescription

// Floors, lowest first; a target imports only its own floor and the floors below it (`tools/tidy` checks):
// Spec < Log < Projections < Queries < Commands < Edges < Programs. Each target lives in `Sources/<floor>/<name>`.
//
// `ENGRAM_TARGETS=CanonicalJSON,EventLog swift test` builds only the named targets, what they need and their tests:
// a change in a pure target is then tested without compiling the HTTP stack.

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let nio = "swift-nio"
let nioCore: Target.Dependency = .product(name: "NIOCore", package: nio)
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: nio)
let nioHTTP1: Target.Dependency = .product(name: "NIOHTTP1", package: nio)
let nioSSL: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let grdb: Target.Dependency = .product(name: "GRDB", package: "GRDB.swift")
let yams: Target.Dependency = .product(name: "Yams", package: "Yams")

/// Only what a target's own API shows is imported as `package`; plain imports stay inside.
let internalImports: [SwiftSetting] = [.enableUpcomingFeature("InternalImportsByDefault")]

func library(_ name: String, in floor: String, _ dependencies: [Target.Dependency] = []) -> Target {
    let settings = name == "HTTPFront" ? strict : strict + internalImports
    return .target(name: name, dependencies: dependencies, path: "Sources/\(floor)/\(name)", swiftSettings: settings)
}

func tests(of name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .testTarget(
        name: "\(name)Tests",
        dependencies: [.target(name: name), "TestSupport"] + dependencies,
        swiftSettings: strict
    )
}

var targets: [Target] = [
    // C libraries
    .systemLibrary(name: "CLMDB", path: "Sources/Log/CLMDB", pkgConfig: "lmdb", providers: [.apt(["liblmdb-dev"])]),
    .systemLibrary(
        name: "CSodium", path: "Sources/Spec/CSodium", pkgConfig: "libsodium", providers: [.apt(["libsodium-dev"])]),
    .systemLibrary(name: "CCrypt", path: "Sources/Commands/CCrypt", providers: [.apt(["libcrypt-dev"])]),
    .systemLibrary(name: "CZstd", path: "Sources/Log/CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
    .systemLibrary(
        name: "CMedia", path: "Sources/Edges/CMedia", pkgConfig: "libxml-2.0", providers: [.apt(["libxml2-dev"])]),
    .systemLibrary(name: "CResolver", path: "Sources/Edges/CResolver"),
    .target(name: "CChecksum", path: "Sources/Log/CChecksum"),
    .target(name: "CTextScan", path: "Sources/Spec/CTextScan"),
    // Spec
    library("MatrixIdentifiers", in: "Spec"),
    library("CanonicalJSON", in: "Spec", ["CTextScan"]),
    library("RoomVersions", in: "Spec"),
    library("SearchText", in: "Spec"),
    library("PushRules", in: "Spec", ["CanonicalJSON"]),
    library("MatrixEvents", in: "Spec", ["CanonicalJSON", "MatrixIdentifiers", "RoomVersions"]),
    library(
        "EventSigning", in: "Spec", ["CanonicalJSON", "CSodium", "MatrixEvents", "MatrixIdentifiers", "RoomVersions"]),
    library(
        "EventAuthorization", in: "Spec",
        ["CanonicalJSON", "EventSigning", "MatrixEvents", "MatrixIdentifiers", "RoomVersions"]),
    library(
        "StateResolution", in: "Spec",
        ["CanonicalJSON", "EventAuthorization", "MatrixEvents", "MatrixIdentifiers", "RoomVersions"]),
    // Log
    library("KeyValueStore", in: "Log", ["CLMDB"]),
    library("EventLog", in: "Log", ["CChecksum", "CSodium", "CZstd", "KeyValueStore"]),
    library("LogEvents", in: "Log", ["CanonicalJSON", "EventLog", "MatrixIdentifiers"]),
    // Projections
    library("ReadModel", in: "Projections", ["CSodium", "EventLog", "KeyValueStore"]),
    library(
        "ProjectionEngine", in: "Projections",
        [
            "CanonicalJSON", "CSodium", "EventLog", "KeyValueStore", "LogEvents", "MatrixEvents", "ReadModel",
            "RoomVersions",
        ]),
    library(
        "Projections", in: "Projections",
        [
            "CanonicalJSON", "EventLog", "KeyValueStore", "LogEvents", "MatrixEvents", "MatrixIdentifiers",
            "ProjectionEngine", "PushRules", "ReadModel", "RoomVersions", "SearchText",
        ]),
    library(
        "SearchIndex", in: "Projections",
        [
            "CanonicalJSON", "CSodium", "EventLog", "LogEvents", "ProjectionEngine", "ReadModel", "SearchText", grdb,
        ]),
    // Queries
    library(
        "Queries", in: "Queries",
        [
            "CanonicalJSON", "EventLog", "KeyValueStore", "LogEvents", "MatrixEvents", "MatrixIdentifiers",
            "ProjectionEngine", "Projections", "PushRules", "ReadModel", "RoomVersions", "SearchIndex", "SearchText",
        ]),
    // Commands
    library(
        "Decisions", in: "Commands",
        [
            "CanonicalJSON", "EventAuthorization", "EventSigning", "LogEvents", "MatrixEvents", "MatrixIdentifiers",
            "RoomVersions",
        ]),
    library(
        "InboundPDU", in: "Commands",
        [
            "CanonicalJSON", "Decisions", "EventAuthorization", "EventLog", "EventSigning", "KeyValueStore",
            "LogEvents", "MatrixEvents", "MatrixIdentifiers", "ReadModel", "RoomVersions", "StateResolution",
        ]),
    library(
        "CommandHandling", in: "Commands",
        [
            "CanonicalJSON", "CCrypt", "CSodium", "Decisions", "EventAuthorization", "EventLog", "EventSigning",
            "InboundPDU", "KeyValueStore", "LogEvents", "MatrixEvents", "MatrixIdentifiers", "PushRules", "Queries",
            "ReadModel", "RoomVersions", "StateResolution",
        ]),
    library(
        "FederationCommands", in: "Commands",
        [
            "CanonicalJSON", "CommandHandling", "Decisions", "EventAuthorization", "EventLog", "EventSigning",
            "InboundPDU", "KeyValueStore", "LogEvents", "MatrixEvents", "MatrixIdentifiers", "Queries", "ReadModel",
            "RoomVersions", "StateResolution",
        ]),
    // Edges
    library("HTTPFront", in: "Edges", ["CanonicalJSON", nioCore, nioPosix, nioHTTP1, nioSSL]),
    library("OutboundHTTP", in: "Edges", ["CResolver", "MatrixIdentifiers", nioCore, nioPosix, nioHTTP1, nioSSL]),
    library(
        "FederationClient", in: "Edges",
        [
            "CanonicalJSON", "CommandHandling", "EventSigning", "FederationCommands", "MatrixIdentifiers",
            "OutboundHTTP",
        ]),
    library(
        "EndpointSupport", in: "Edges",
        ["CanonicalJSON", "Decisions", "EventLog", "HTTPFront", "MatrixIdentifiers", "MediaStore", "Queries"]),
    library(
        "MediaStore", in: "Edges",
        [
            "CanonicalJSON", "CMedia", "CSodium", "HTTPFront", "MatrixIdentifiers", "OutboundHTTP",
        ]),
    library(
        "ClientAPI", in: "Edges",
        [
            "CanonicalJSON", "CommandHandling", "CSodium", "Decisions", "EndpointSupport", "EventLog",
            "FederationCommands", "HTTPFront", "LogEvents", "MatrixEvents", "MatrixIdentifiers", "MediaStore",
            "PushRules", "Queries", "ReadModel", "RoomVersions", "SearchIndex",
        ]),
    library(
        "FederationAPI", in: "Edges",
        [
            "CanonicalJSON", "CommandHandling", "Decisions", "EndpointSupport", "EventLog", "EventSigning",
            "FederationCommands", "HTTPFront", "LogEvents", "MatrixEvents", "MatrixIdentifiers", "Queries", "ReadModel",
            "RoomVersions",
        ]),
    library(
        "Reactors", in: "Edges",
        [
            "CanonicalJSON", "CommandHandling", "EventLog", "FederationCommands", "HTTPFront", "LogEvents",
            "MatrixEvents", "MatrixIdentifiers", "OutboundHTTP", "ProjectionEngine", "Queries", "ReadModel",
        ]),
    // Programs
    library("Configuration", in: "Programs", ["CanonicalJSON", "EventSigning", "MatrixIdentifiers", yams]),
    library(
        "ServerAssembly", in: "Programs",
        [
            "CanonicalJSON", "MatrixEvents", "Decisions", "CZstd", "CSodium", "ClientAPI", "CommandHandling",
            "Configuration", "EventLog", "EventSigning", "FederationAPI", "FederationClient",
            "FederationCommands", "HTTPFront", "KeyValueStore", "LogEvents", "MatrixIdentifiers", "MediaStore",
            "ProjectionEngine", "Projections", "Queries", "Reactors", "ReadModel", "RoomVersions", "SearchIndex",
            nioCore, nioPosix, nioSSL,
        ]),
    .executableTarget(
        name: "engram",
        dependencies: [
            "CanonicalJSON", "CommandHandling", "Configuration", "CSodium", "EventAuthorization", "EventLog",
            "EventSigning", "KeyValueStore", "LogEvents", "MatrixEvents", "MatrixIdentifiers", "ProjectionEngine",
            "Projections", "Queries", "ReadModel", "RoomVersions", "ServerAssembly", argumentParser,
        ],
        path: "Sources/Programs/engram",
        swiftSettings: strict
    ),
    // Testing
    library("TestSupport", in: "Testing"),
    .target(
        name: "FuzzTargets",
        dependencies: [
            "CanonicalJSON", "ClientAPI", "CommandHandling", "Decisions", "EventSigning", "FederationCommands",
            "HTTPFront", "LogEvents", "MatrixEvents", "MatrixIdentifiers", "MediaStore", "OutboundHTTP", "PushRules",
            "Queries", "RoomVersions",
        ],
        path: "tools/fuzz/targets", swiftSettings: strict + internalImports),
    tests(of: "FuzzTargets"),
    library(
        "Simulation", in: "Testing",
        [
            "CanonicalJSON", "EventAuthorization", "EventSigning", "MatrixEvents", "MatrixIdentifiers", "RoomVersions",
            "StateResolution", "TestSupport",
        ]),
    tests(of: "CanonicalJSON"),
    tests(of: "MatrixIdentifiers"),
    tests(of: "RoomVersions"),
    tests(of: "SearchText"),
    tests(
        of: "SearchIndex",
        ["CanonicalJSON", "EventLog", "KeyValueStore", "LogEvents", "ProjectionEngine", "SearchText"]),
    tests(of: "PushRules", ["CanonicalJSON"]),
    tests(of: "MatrixEvents", ["CanonicalJSON", "MatrixIdentifiers", "RoomVersions"]),
    tests(of: "EventSigning", ["CanonicalJSON", "MatrixEvents", "MatrixIdentifiers", "RoomVersions"]),
    tests(
        of: "EventAuthorization",
        ["CanonicalJSON", "EventSigning", "MatrixEvents", "MatrixIdentifiers", "RoomVersions"]),
    tests(
        of: "StateResolution",
        [
            "CanonicalJSON", "EventAuthorization", "EventSigning", "MatrixEvents", "MatrixIdentifiers", "RoomVersions",
            "Simulation",
        ]),
    tests(
        of: "Simulation",
        ["CanonicalJSON", "EventAuthorization", "MatrixEvents", "MatrixIdentifiers", "RoomVersions"]),
    tests(of: "KeyValueStore"),
    tests(of: "EventLog", ["CSodium", "KeyValueStore"]),
    tests(of: "LogEvents", ["CanonicalJSON", "EventLog"]),
    tests(of: "ProjectionEngine", ["EventLog", "KeyValueStore", "LogEvents", "ReadModel"]),
    tests(
        of: "Projections",
        [
            "CanonicalJSON", "EventLog", "KeyValueStore", "LogEvents", "MatrixEvents", "ProjectionEngine", "ReadModel",
            "RoomVersions",
        ]),
    tests(
        of: "Queries",
        [
            "CanonicalJSON", "EventLog", "KeyValueStore", "LogEvents", "MatrixIdentifiers", "ProjectionEngine",
            "Projections", "PushRules", "ReadModel",
        ]),
    tests(of: "HTTPFront", ["CanonicalJSON", nioCore, nioPosix, nioHTTP1, nioSSL]),
    tests(of: "MediaStore", ["CanonicalJSON", "HTTPFront", "MatrixIdentifiers", "OutboundHTTP"]),
    tests(
        of: "FederationCommands",
        [
            "CanonicalJSON", "CommandHandling", "Decisions", "EventLog", "EventSigning", "KeyValueStore", "LogEvents",
            "MatrixEvents", "MatrixIdentifiers", "ProjectionEngine", "Projections", "Queries", "ReadModel",
            "RoomVersions",
        ]),
    tests(
        of: "FederationClient",
        [
            "CanonicalJSON", "EventSigning", "FederationCommands", "HTTPFront", "MatrixIdentifiers", "OutboundHTTP",
        ]),
    tests(of: "OutboundHTTP", ["HTTPFront", "MatrixIdentifiers"]),
    tests(of: "Configuration", ["MatrixIdentifiers"]),
    tests(
        of: "CommandHandling",
        [
            "CanonicalJSON", "Decisions", "EventAuthorization", "EventLog", "EventSigning", "InboundPDU",
            "KeyValueStore", "LogEvents", "MatrixEvents", "MatrixIdentifiers", "ProjectionEngine", "Projections",
            "Queries", "ReadModel", "RoomVersions", "Simulation", "StateResolution",
        ]),
    tests(
        of: "Reactors",
        [
            "CanonicalJSON", "CommandHandling", "EventLog", "EventSigning", "FederationCommands", "HTTPFront",
            "LogEvents", "MatrixEvents", "MatrixIdentifiers", "OutboundHTTP", "ProjectionEngine", "Projections",
            "PushRules", "Queries", "ReadModel", "RoomVersions", nioCore, nioPosix, nioHTTP1, nioSSL,
        ]),
    .testTarget(
        name: "ClientAPITests",
        dependencies: [
            "SearchIndex",
            "CanonicalJSON", "ClientAPI", "CommandHandling", "Decisions", "EventLog", "EventSigning", "HTTPFront",
            "KeyValueStore", "LogEvents", "MatrixIdentifiers", "MediaStore", "ProjectionEngine", "Projections",
            "Queries", "ReadModel",
            "RoomVersions",
        ],
        swiftSettings: strict
    ),
    tests(
        of: "FederationAPI",
        [
            "CanonicalJSON", "CommandHandling", "Decisions", "EventLog", "EventSigning", "FederationCommands",
            "HTTPFront", "InboundPDU", "LogEvents", "MatrixEvents", "MatrixIdentifiers", "ProjectionEngine",
            "Projections", "Queries", "ReadModel", "RoomVersions",
        ]),
    .testTarget(
        name: "AccountCommandsTests",
        dependencies: ["CanonicalJSON", "CommandHandling", "EventSigning", "LogEvents", "MatrixIdentifiers"],
        swiftSettings: strict
    ),
]

// Benchmarks, built only when asked for: `ENGRAM_BENCH=1 ENGRAM_TARGETS=CanonicalJSON,json-bench swift build -c release`.
if Context.environment["ENGRAM_BENCH"] != nil {
    targets.append(
        .executableTarget(
            name: "json-bench", dependencies: ["CanonicalJSON"], path: "tools/bench/json",
            exclude: ["run.sh", "simdjson_shim.cpp"], swiftSettings: strict))
    targets.append(
        .executableTarget(
            name: "pdu-bench",
            dependencies: [
                "CanonicalJSON", "CSodium", "EventSigning", "MatrixEvents", "MatrixIdentifiers", "RoomVersions",
            ],
            path: "tools/bench/pdu", swiftSettings: strict))
    targets.append(
        .executableTarget(
            name: "log-bench", dependencies: ["EventLog", "KeyValueStore"], path: "tools/bench/log",
            exclude: ["extension.c", "lmdb_loop.c", "run.sh"], swiftSettings: strict))
    targets.append(
        .executableTarget(
            name: "http-bench", dependencies: ["HTTPFront", nioCore, nioPosix, nioHTTP1], path: "tools/bench/http",
            swiftSettings: strict))
    targets.append(
        .executableTarget(
            name: "push-bench",
            dependencies: [
                "CanonicalJSON", "EventLog", "LogEvents", "ProjectionEngine", "Projections", "PushRules", "Queries",
                "ReadModel",
            ],
            path: "tools/bench/push", swiftSettings: strict))
    targets.append(
        .executableTarget(
            name: "query-bench",
            dependencies: [
                "CanonicalJSON", "EventLog", "LogEvents", "MatrixIdentifiers", "ProjectionEngine", "Projections",
                "Queries", "ReadModel",
            ],
            path: "tools/bench/queries", swiftSettings: strict))
    targets.append(
        .executableTarget(
            name: "resolution-bench",
            dependencies: [
                "CanonicalJSON", "EventAuthorization", "MatrixEvents", "MatrixIdentifiers", "RoomVersions",
                "StateResolution",
            ],
            path: "tools/bench/resolution", swiftSettings: strict))
    targets.append(
        .executableTarget(
            name: "differential", dependencies: ["RoomVersions", "Simulation"], path: "tools/bench/differential",
            swiftSettings: strict))
    targets.append(
        .executableTarget(
            name: "state-bench",
            dependencies: [
                "CanonicalJSON", "EventLog", "KeyValueStore", "LogEvents", "ProjectionEngine", "Projections",
                "ReadModel",
            ],
            path: "tools/bench/state", swiftSettings: strict))
    targets.append(
        .executableTarget(
            name: "replay-bench",
            dependencies: [
                "CanonicalJSON", "EventLog", "KeyValueStore", "LogEvents", "ProjectionEngine", "Projections",
                "ReadModel",
            ],
            path: "tools/bench/replay", swiftSettings: strict))
}

// Only what `ENGRAM_TARGETS` names, downwards closed, when it is set.
if let wanted = Context.environment["ENGRAM_TARGETS"], !wanted.isEmpty {
    var keep = Set(wanted.split(separator: ",").map(String.init))
    keep.formUnion(keep.map { "\($0)Tests" })
    var grew = true
    while grew {
        grew = false
        for target in targets where keep.contains(target.name) {
            for dependency in target.dependencies {
                let name: String
                switch dependency {
                case .byNameItem(let dependencyName, _), .targetItem(let dependencyName, _): name = dependencyName
                default: continue
                }
                if keep.insert(name).inserted { grew = true }
            }
        }
    }
    targets = targets.filter { keep.contains($0.name) }
}

let usedProducts = Set(
    targets.flatMap(\.dependencies).compactMap { dependency -> String? in
        if case .productItem(_, let package, _, _) = dependency { return package }
        return nil
    })

let packages: [(String, Package.Dependency)] = [
    (nio, .package(url: "https://github.com/apple/swift-nio", from: "2.101.2")),
    ("swift-nio-ssl", .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6")),
    ("swift-argument-parser", .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")),
    ("GRDB.swift", .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0")),
    ("Yams", .package(url: "https://github.com/jpsim/Yams", from: "6.2.2")),
]

let package = Package(
    name: "engram",
    dependencies: packages.filter { usedProducts.contains($0.0) }.map(\.1),
    targets: targets
)
