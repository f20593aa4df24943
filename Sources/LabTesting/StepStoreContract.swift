public import LabCore

/// What every `StepStore` promises, apart from surviving its process, which only a store on disk can show.
public enum StepStoreContract {
    public static let claims: [ContractClaim<any StepStore>] = [
        ContractClaim("a key never stored has no value") { store in
            try require(try await store.value(for: "candidates/0001-a/screening.json"), equals: nil, "value")
        },
        ContractClaim("a stored value comes back byte for byte") { store in
            let everyByte = (0...255).map { UInt8($0) }
            try await store.store(everyByte, for: "candidates/0001-a/proxy-s1/score.json")
            let value = try await store.value(for: "candidates/0001-a/proxy-s1/score.json")
            try require(value, equals: everyByte, "value")
        },
        ContractClaim("an empty value is a value") { store in
            try await store.store([], for: "empty.json")
            try require(try await store.value(for: "empty.json"), equals: [], "value")
        },
        ContractClaim("storing again replaces the whole value, longer or shorter") { store in
            try await store.store(Array(repeating: 7, count: 10_000), for: "value")
            try await store.store([1, 2], for: "value")
            try require(try await store.value(for: "value"), equals: [1, 2], "value")
        },
        ContractClaim("keys that share a folder or a beginning do not touch each other") { store in
            let keys = ["a/b", "a/bc", "a/c/d", "ab", "a-b"]
            for (index, key) in keys.enumerated() { try await store.store([UInt8(index)], for: key) }
            for (index, key) in keys.enumerated() {
                try require(try await store.value(for: key), equals: [UInt8(index)], "value of \(key)")
            }
            try require(try await store.value(for: "a/c"), equals: nil, "value of a folder")
        },
        ContractClaim("many tasks may store at once, and each value is one of those stored") { store in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for task in 0..<16 {
                    group.addTask {
                        let value = Array(repeating: UInt8(task), count: 1_000)
                        try await store.store(value, for: "own/\(task)")
                        try await store.store(value, for: "shared")
                    }
                }
                try await group.waitForAll()
            }
            for task in 0..<16 {
                let own = try await store.value(for: "own/\(task)")
                try require(own, equals: Array(repeating: UInt8(task), count: 1_000), "value of own/\(task)")
            }
            let shared = try await store.value(for: "shared") ?? []
            try require(shared.count, equals: 1_000, "size of the shared value")
            try require(Set(shared).count, equals: 1, "writers in the shared value")
        },
    ]
}
