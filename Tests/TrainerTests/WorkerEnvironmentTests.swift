import Foundation
import Testing

@testable import Trainer

/// A worker gets a fixed list of variables: what is not on it cannot reach generated code, whatever its name.
@Suite struct WorkerEnvironmentTests {
    private func names(reachesHub: Bool) -> Set<String> {
        let configuration = WorkerConfiguration(
            executable: "/bin/worker", virtualEnvironment: "/venv", pythonPath: "/python", cache: "/cache",
            logs: "/logs",
            reachesHub: reachesHub)
        return Set(configuration.environment.keys)
    }

    private static let always: Set = [
        "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "TOKENIZERS_PARALLELISM", "LANG", "PATH", "HOME",
        "LOSSLAB_PARENT", "SWIFT_BACKTRACE",
    ]

    @Test func itsNamesAreAFixedListWhateverTheControllersAre() {
        let keys = [
            "OPENAI_API_KEY", "ANTHROPIC_API_KEY", "OPENROUTER_API_KEY", "PLANTED_KEY", "AWS_SECRET_ACCESS_KEY",
            "HF_TOKEN",
        ]
        for key in keys { setenv(key, "sk-planted", 0) }
        defer { for key in keys where getenv(key).map({ String(cString: $0) }) == "sk-planted" { unsetenv(key) } }
        let offline = Self.always.union(["HF_HUB_OFFLINE"])
        #expect(names(reachesHub: false).subtracting(["LD_LIBRARY_PATH"]) == offline)

        // Asked to fetch from the Hub, it gets the Hub's token and the way there, and still no other key.
        let further: Set = [
            "LD_LIBRARY_PATH", "HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "HF_HOME", "HF_HUB_CACHE", "HF_DATASETS_CACHE",
            "HF_ENDPOINT", "HF_TOKEN", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy",
            "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE",
        ]
        let reaching = names(reachesHub: true)
        #expect(reaching.isSuperset(of: Self.always) && reaching.subtracting(Self.always).isSubset(of: further))
        #expect(reaching.contains("HF_TOKEN") && !reaching.contains("OPENAI_API_KEY"))
    }

    @Test func noValueOfTheControllersEnvironmentIsInIt() {
        setenv("LOSSLAB_PLANTED_KEY", "sk-planted-5c1e", 1)
        defer { unsetenv("LOSSLAB_PLANTED_KEY") }
        let configuration = WorkerConfiguration(
            executable: "/bin/worker", virtualEnvironment: "/venv", pythonPath: "/python", cache: "/cache",
            logs: "/logs")
        let values = Array(configuration.environment.values) + configuration.arguments
        #expect(!values.contains { $0.contains("sk-planted-5c1e") })
    }
}
