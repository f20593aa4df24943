// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("ExistentialAny"),
    .treatAllWarnings(as: .error),
]

let package = Package(
    name: "LossLab",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "losslab", targets: ["losslab"]),
        .executable(name: "losslab-worker", targets: ["losslab-worker"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        // L0: values. No I/O; of other packages only the hashes.
        .target(
            name: "LabCore", dependencies: [.product(name: "Crypto", package: "swift-crypto")],
            swiftSettings: strict),
        .target(name: "LabTesting", dependencies: ["LabCore"], swiftSettings: strict),

        // L1: adapters.
        .target(name: "WorkerProtocol", dependencies: ["LabCore"], swiftSettings: strict),
        .target(
            name: "LabConfig", dependencies: ["LabCore", .product(name: "Yams", package: "Yams")],
            resources: [.copy("resources")], swiftSettings: strict),
        .systemLibrary(
            name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .target(
            name: "ChatClient", dependencies: ["LabCore", "CCurl", .product(name: "Yams", package: "Yams")],
            swiftSettings: strict),
        .target(name: "CSpawn"),
        .target(name: "Sandbox", dependencies: ["LabCore", "CSpawn"], swiftSettings: strict),
        .target(
            name: "Archive", dependencies: ["LabCore", .product(name: "GRDB", package: "GRDB.swift")],
            swiftSettings: strict),
        .target(name: "Evolution", dependencies: ["LabCore"], swiftSettings: strict),
        .systemLibrary(
            name: "CPythonEmbed", pkgConfig: "python3-embed", providers: [.apt(["libpython3-dev"])]),
        .systemLibrary(name: "CSeccomp", pkgConfig: "libseccomp", providers: [.apt(["libseccomp-dev"])]),
        .target(name: "CPython", dependencies: ["CPythonEmbed", "CLockdown"]),
        .target(name: "CLockdown", dependencies: ["CSeccomp"]),

        // L2: stages.
        .target(
            name: "Proposer", dependencies: ["LabCore", "ChatClient"], resources: [.copy("prompts")],
            swiftSettings: strict),
        .target(
            name: "Judge", dependencies: ["LabCore", "ChatClient", .product(name: "Yams", package: "Yams")],
            swiftSettings: strict),
        .target(
            name: "Trainer", dependencies: ["LabCore", "WorkerProtocol", "Sandbox"],
            exclude: ["python/pyproject.toml"],
            resources: [.copy("python")], swiftSettings: strict),
        .target(name: "LocalModels", dependencies: ["LabCore", "Sandbox"], swiftSettings: strict),

        // L3: drivers.
        .target(
            name: "CampaignRunner",
            dependencies: ["LabCore", "Evolution", .product(name: "Logging", package: "swift-log")],
            swiftSettings: strict),
        .target(
            name: "Laboratory", dependencies: ["LabCore", "LabConfig", "Trainer", "Judge"], swiftSettings: strict),
        .target(name: "EmbeddedPython", dependencies: ["CPython", "CLockdown"], swiftSettings: strict),

        // L4: programs.
        .executableTarget(
            name: "losslab",
            dependencies: [
                "LabCore", "LabConfig", "ChatClient", "Archive", "Evolution", "Proposer", "Judge", "Trainer",
                "LocalModels", "CampaignRunner", "Laboratory",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ], swiftSettings: strict),
        .executableTarget(
            name: "losslab-worker", dependencies: ["EmbeddedPython", "CLockdown"],
            swiftSettings: strict),

        // Tests.
        .target(name: "LoopbackServers", path: "Tests/LoopbackServers", swiftSettings: strict),
        .testTarget(name: "LabCoreTests", dependencies: ["LabCore", "LabTesting"]),
        .testTarget(name: "ChatClientTests", dependencies: ["ChatClient", "LabCore", "LoopbackServers"]),
        .testTarget(name: "JudgeTests", dependencies: ["Judge", "LabCore", "ChatClient", "LoopbackServers"]),
        .testTarget(name: "TrainerTests", dependencies: ["Trainer", "LabCore", "Sandbox", "WorkerProtocol"]),
        .testTarget(name: "SandboxTests", dependencies: ["Sandbox", "LabCore"]),
        .testTarget(
            name: "ArchiveTests",
            dependencies: ["Archive", "LabCore", "LabTesting", .product(name: "GRDB", package: "GRDB.swift")]),
        .testTarget(name: "LabConfigTests", dependencies: ["LabConfig", "LabCore"]),
        .testTarget(
            name: "LaboratoryTests", dependencies: ["Laboratory", "LabCore", "LabConfig", "LabTesting", "Trainer"]),
        .testTarget(name: "LocalModelsTests", dependencies: ["LocalModels", "LabCore"]),
        .testTarget(name: "EvolutionTests", dependencies: ["Evolution", "LabCore", "LabTesting"]),
        .testTarget(name: "ProposerTests", dependencies: ["Proposer", "LabCore", "LabTesting", "ChatClient"]),
        .testTarget(
            name: "CampaignRunnerTests", dependencies: ["CampaignRunner", "Evolution", "LabCore", "LabTesting"]),
        .testTarget(
            name: "EndToEndTests",
            dependencies: [
                "LabCore", "LabTesting", "LoopbackServers", "Archive", "ChatClient", "Evolution", "Proposer",
                "CampaignRunner",
            ]),
    ],
    swiftLanguageModes: [.v6]
)
