@testable import Archive
import Foundation
import LabCore
import LabTesting
import Synchronization
import Testing

@Suite struct StepStoreTests {
    @Test(arguments: StepStoreContract.claims)
    func filesKeepTheContract(claim: ContractClaim<any StepStore>) async throws {
        let folder = try TemporaryFolder()
        try await claim.check(try FileStepStore(folder.path + "/steps"))
        try await claim.check(try FileStepStore(folder.path + "/every-value-synced", syncInterval: .zero))
    }

    @Test(arguments: StepStoreContract.claims)
    func aLogKeepsTheContract(claim: ContractClaim<any StepStore>) async throws {
        let folder = try TemporaryFolder()
        try await claim.check(try StepLog(folder.path + "/steps.log"))
        try await claim.check(try StepLog(folder.path + "/every-value-synced.log", syncInterval: .zero))
    }

    @Test func aLogFindsItsValuesAgainAndCutsOffATornEnd() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/deep/steps.log"
        try StepLog(path).store(Array("first".utf8), for: "generation/1")
        try StepLog(path).store(Array("line\nline".utf8), for: "generation/2")
        try StepLog(path).store(Array("second".utf8), for: "generation/1")
        let whole = try #require(try readWhole(path))
        for torn in 1..<30 {
            try folder.write(Array(whole.dropLast(torn)), to: "torn.log")
            let log = try StepLog(folder.path + "/torn.log")
            #expect(try log.value(for: "generation/1") == Array("first".utf8))
            #expect(try log.value(for: "generation/2") == Array("line\nline".utf8))
            try log.store([7], for: "new")
            #expect(try StepLog(folder.path + "/torn.log").value(for: "new") == [7])
        }
        #expect(try StepLog(path).value(for: "generation/1") == Array("second".utf8))
    }

    @Test func aDamagedValueEndsTheLogThere() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/steps.log"
        try StepLog(path).store(Array("sound".utf8), for: "a")
        try StepLog(path).store(Array("damaged".utf8), for: "b")
        var bytes = try #require(try readWhole(path))
        bytes[bytes.count - 3] ^= 1
        try folder.write(bytes, to: "steps.log")
        let log = try StepLog(path)
        #expect(try log.value(for: "a") == Array("sound".utf8))
        #expect(try log.value(for: "b") == nil)
    }

    @Test(arguments: ["", "tab\t", "line\nend", "nul\0", String(repeating: "k", count: 1_001)])
    func keysThatBreakALogsLinesAreRefused(key: String) throws {
        let folder = try TemporaryFolder()
        #expect(throws: ArchiveError.self) { try StepLog(folder.path + "/steps.log").store([1], for: key) }
    }

    @Test(arguments: StepStoreContract.claims)
    func memoryKeepsTheContract(claim: ContractClaim<any StepStore>) async throws {
        try await claim.check(InMemoryStepStore())
    }

    @Test(arguments: StepStoreContract.claims)
    func aSealedStoreKeepsTheContract(claim: ContractClaim<any StepStore>) async throws {
        let folder = try TemporaryFolder()
        try await claim.check(
            SealedStepStore(try FileStepStore(folder.path + "/sealed")) { Issue.record("\($0)") })
    }

    @Test func aKeptResultThatWasChangedIsNotUsedAndTold() throws {
        let folder = try TemporaryFolder()
        let files = try FileStepStore(folder.path)
        let told = Mutex<[String]>([])
        let store = SealedStepStore(files) { note in told.withLock { $0.append(note) } }
        let kept = Array(#"{"questionScores":[5.5,6.25]}"#.utf8)
        try store.store(kept, for: "trial/a")
        try store.store(kept, for: "trial/b")
        let bytes = try #require(try files.value(for: "trial/a"))
        for place in bytes.indices {
            var changed = bytes
            changed[place] ^= 1
            try files.store(changed, for: "trial/a")
            #expect(try store.value(for: "trial/a") == nil, "byte \(place)")
        }
        #expect(told.withLock { $0.filter { $0.contains("trial/a is not what was kept there") }.count } > kept.count)
        // Another trial's result is no result of this one.
        try files.store(try #require(try files.value(for: "trial/b")), for: "trial/a")
        #expect(try store.value(for: "trial/a") == nil)
        try files.store(kept, for: "trial/old")
        told.withLock { $0 = [] }
        #expect(try store.value(for: "trial/old") == nil && store.value(for: "trial/old") == nil)
        #expect(try store.value(for: "trial/b") == kept)
    }

    @Test func anotherProcessFindsTheValuesAndNoLeftovers() throws {
        let folder = try TemporaryFolder()
        let first = try FileStepStore(folder.path)
        try first.store([1, 2, 3], for: "candidates/0001-a/score.json")
        try folder.write([9], to: "candidates/0001-a/.tmp-1-1")
        try folder.write([9], to: ".tmp-77-2")
        let second = try FileStepStore(folder.path)
        #expect(try second.value(for: "candidates/0001-a/score.json") == [1, 2, 3])
        #expect(folder.files == ["candidates/0001-a/score.json"])
    }

    @Test func aFolderIsWrittenWholeAndOneThatIsThereIsLeftAlone() throws {
        let folder = try TemporaryFolder()
        let store = try FileStepStore(folder.path)
        let files = [(name: "loss.py", bytes: [UInt8](arrayLiteral: 1)), (name: "trials.jsonl", bytes: [2, 3])]
        #expect(try store.storeFolder("candidates/0001-a", files: files))
        #expect(try !store.storeFolder("candidates/0001-a", files: [(name: "loss.py", bytes: [9])]))
        #expect(folder.files == ["candidates/0001-a/loss.py", "candidates/0001-a/trials.jsonl"])
        #expect(folder.bytes("candidates/0001-a/loss.py") == [1])
        // What a kill leaves in the middle is removed with its files when the store is opened again.
        let half = folder.path + "/candidates/.tmp-77-1"
        try FileManager.default.createDirectory(atPath: half, withIntermediateDirectories: false)
        try folder.write([9], to: "candidates/.tmp-77-1/loss.py")
        _ = try FileStepStore(folder.path)
        #expect(folder.files == ["candidates/0001-a/loss.py", "candidates/0001-a/trials.jsonl"])
        #expect(!FileManager.default.fileExists(atPath: half))
    }

    @Test func aSharedStoreLeavesOthersFreshTemporaryFilesAlone() throws {
        let folder = try TemporaryFolder()
        try folder.write([9], to: ".tmp-1-1")
        try folder.write([9], to: ".tmp-1-2")
        let old = Date().addingTimeInterval(-7_200)
        try FileManager.default.setAttributes([.modificationDate: old], ofItemAtPath: folder.path + "/.tmp-1-2")
        _ = try FileStepStore(folder.path, shared: true)
        #expect(folder.files == [".tmp-1-1"])
    }

    @Test(arguments: [
        "", "/etc/passwd", "../up", "a/../b", "a//b", "a/", ".hidden", "a/.tmp-1-1", "nul\0",
        String(repeating: "k", count: 201),
    ])
    func keysThatAreNoPathsBelowTheFolderAreRefused(key: String) throws {
        let folder = try TemporaryFolder()
        let store = try FileStepStore(folder.path)
        #expect(throws: ArchiveError.self) { try store.store([1], for: key) }
        #expect(throws: ArchiveError.self) { try store.value(for: key) }
        #expect(folder.files.isEmpty)
    }

    @Test func placesThatCannotBeWrittenAreNamedWithTheNextStep() throws {
        let folder = try TemporaryFolder()
        try folder.write([1], to: "file")
        let inFile = #expect(throws: ArchiveError.self) { try FileStepStore(folder.path + "/file") }
        #expect(inFile?.code == .alreadyExists)
        #expect(inFile?.message == "is a file where a folder is needed; move it away")
        let inProc = #expect(throws: ArchiveError.self) { try FileStepStore("/proc/losslab") }
        #expect(inProc?.path == "/proc/losslab")
        let store = try FileStepStore(folder.path)
        #expect(throws: ArchiveError.self) { try store.store([1], for: "file/below") }
    }

    @Test func aFullDiskIsNamedAndLeavesTheOldValue() throws {
        let full = try #require(FileHandle(forWritingAtPath: "/dev/full"))
        let error = #expect(throws: ArchiveError.self) {
            try writeAll([1, 2, 3], to: full.fileDescriptor, path: "runs/x/score.json")
        }
        #expect(error?.code == .diskFull)
        #expect(
            error?.description
                == "runs/x/score.json: no space is left on its disk; free some and resume: finished work is kept")
    }
}
