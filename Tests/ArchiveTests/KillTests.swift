import Archive
import Foundation
import LabCore
import LabTesting
import Testing

/// Ends this process as `kill -9` does, from another thread, at some moment soon.
private func killMyselfSoon(_ seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let microseconds = UInt32(500 + generator.uniform() * 60_000)
    Thread.detachNewThread {
        usleep(microseconds)
        kill(getpid(), SIGKILL)
    }
}

/// Notes a finished step where no buffering can lose it.
private func note(_ line: String, in path: String) {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND, 0o644)
    _ = line.withCString { write(descriptor, $0, strlen($0)) }
    close(descriptor)
}

private func notes(_ path: String) -> [[Int]] {
    let text = FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
    return text.split(separator: "\n").map { $0.split(separator: " ").compactMap { Int($0) } }
}

/// Every process here is killed with SIGKILL in the middle of writing, as often as the tests can afford.
@Suite(.serialized) struct KillTests {
    static let keys = 3

    @Test(arguments: 1...6)
    func valuesAreWholeAndFinishedOnesAreKept(seed: UInt64) async throws {
        let folder = try TemporaryFolder()
        for round in 0..<2 {
            let moment = seed * 100 + UInt64(round)
            await #expect(processExitsWith: .signal(SIGKILL)) {
                [path = folder.path as String, moment = moment as UInt64] in
                let store = try FileStepStore(path + "/steps", syncInterval: .milliseconds(moment % 2 == 0 ? 0 : 200))
                killMyselfSoon(moment)
                for counter in 1..<1_000_000 {
                    let value = Array(repeating: UInt8(counter % 251), count: 1 + counter % 5 * 40_000)
                    try store.store(value, for: "v/\(counter % 3)")
                    note("\(counter % 3) \(counter)\n", in: path + "/notes-\(moment)")
                }
            }
            let store = try FileStepStore(folder.path + "/steps")
            #expect(!folder.files.contains { $0.contains(".tmp-") })
            for key in 0..<Self.keys {
                let value = try store.value(for: "v/\(key)")
                let finished = notes("\(folder.path)/notes-\(moment)").last { $0.first == key }?.last
                guard let value else {
                    #expect(finished == nil)
                    continue
                }
                #expect(Set(value).count == 1, "a torn value")
                guard let finished else { continue }
                // The value noted last, or the one being stored when the kill came.
                let candidates = [finished, finished + Self.keys]
                #expect(
                    candidates.contains { value == Array(repeating: UInt8($0 % 251), count: 1 + $0 % 5 * 40_000) })
            }
        }
    }

    @Test(arguments: 1...8)
    func theStepLogKeepsEveryFinishedStep(seed: UInt64) async throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/steps.log"
        for round in 0..<3 {
            let moment = seed * 1000 + UInt64(round)
            await #expect(processExitsWith: .signal(SIGKILL)) {
                [folder = folder.path as String, moment = moment as UInt64] in
                let log = try StepLog(folder + "/steps.log", syncInterval: .milliseconds(moment % 2 == 0 ? 0 : 200))
                killMyselfSoon(moment)
                for counter in 1..<1_000_000 {
                    let value = Array(repeating: UInt8(counter % 251), count: 1 + counter % 7 * 30_000)
                    try log.store(value, for: "\(moment)/\(counter)")
                    note("\(moment) \(counter)\n", in: folder + "/notes")
                }
            }
        }
        let log = try StepLog(path)
        let finished = notes(folder.path + "/notes")
        for note in finished {
            let value = try #require(try log.value(for: "\(note[0])/\(note[1])"))
            #expect(value == Array(repeating: UInt8(note[1] % 251), count: 1 + note[1] % 7 * 30_000))
        }
        try log.store([1], for: "after")
        #expect(try StepLog(path).value(for: "after") == [1])
    }

    @Test(arguments: 1...4)
    func theArchiveIsWholeAndFinishedRowsAreKept(seed: UInt64) async throws {
        let folder = try TemporaryFolder()
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = folder.path as String, seed = seed as UInt64] in
            let archive = try SQLiteArchive(path + "/archive.sqlite")
            killMyselfSoon(seed)
            for number in 1..<1_000_000 {
                try await archive.record(Example.candidate(number, "loss-\(number)", mean: 6), of: "killed")
                note("0 \(number)\n", in: path + "/notes")
            }
        }
        let archive = try SQLiteArchive(folder.path + "/archive.sqlite")
        let kept = try await archive.snapshot(of: "killed").candidates.map(\.id.number)
        let finished = notes(folder.path + "/notes").last?.last ?? 0
        #expect(kept == Array(1...max(1, kept.count)) || kept.isEmpty)
        #expect(kept.count == finished || kept.count == finished + 1)
        #expect(try await archive.verify(against: folder.path + "/runs").allSatisfy { $0.kind == .missingFile })
    }
}
