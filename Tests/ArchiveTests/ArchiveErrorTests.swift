import Foundation
import GRDB
import LabCore
import LabTesting
import Testing

@testable import Archive

/// Each fault is brought about for real, and its message names the thing and the next step.
@Suite struct ArchiveErrorTests {
    let folder = try! TemporaryFolder()
    var path: String { folder.path + "/archive.sqlite" }

    @Test func aTextFileIsNoArchive() throws {
        try folder.write(
            Array("this is not a database, but it is long enough to have a header".utf8), to: "archive.sqlite")
        let error = #expect(throws: ArchiveError.self) { try SQLiteArchive(path) }
        #expect(error?.code == .notAnArchive)
        #expect(error?.description.hasPrefix("\(path): is not a SQLite database; move it away") == true)
        #expect(error?.description.hasSuffix("`losslab archive rebuild`") == true)
    }

    @Test func anEmptyFileBecomesAnArchive() async throws {
        try folder.write([], to: "archive.sqlite")
        #expect(try await SQLiteArchive(path).campaigns().isEmpty)
    }

    @Test func anotherProgramsDatabaseIsLeftAlone() async throws {
        try await DatabaseQueue(path: path).write { try $0.execute(sql: "CREATE TABLE bookmarks (url TEXT)") }
        let error = #expect(throws: ArchiveError.self) { try SQLiteArchive(path) }
        #expect(error?.code == .foreign)
        let rebuild = await #expect(throws: ArchiveError.self) {
            try await SQLiteArchive.rebuild(path, from: folder.path)
        }
        #expect(rebuild?.code == .foreign)
        #expect(folder.files.contains("archive.sqlite"))
    }

    @Test func aMissingArchiveIsNotMadeByReading() throws {
        let error = #expect(throws: ArchiveError.self) { try SQLiteArchive(path, readOnly: true) }
        #expect(error?.code == .notFound)
        #expect(error?.message.contains("`losslab campaign run` makes one") == true)
        #expect(folder.files.isEmpty)
    }

    @Test func anArchiveOfANewerVersionIsRefused() throws {
        _ = try SQLiteArchive(path)
        try DatabaseQueue(path: path).write {
            try $0.execute(sql: "INSERT INTO grdb_migrations (identifier) VALUES ('2-from-the-future')")
        }
        let error = #expect(throws: ArchiveError.self) { try SQLiteArchive(path) }
        #expect(error?.code == .newerVersion)
        #expect(error?.message == "was written by a newer version of losslab; update this one, or name another path")
    }

    @Test func aWriterWaitsForAnotherAndThenSaysSo() async throws {
        let archive = try SQLiteArchive(path, patience: .milliseconds(50))
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        let other = try DatabaseQueue(path: path, configuration: configuration)
        try await other.writeWithoutTransaction { try $0.execute(sql: "BEGIN IMMEDIATE") }
        let error = await #expect(throws: ArchiveError.self) {
            try await archive.record(Example.candidate(1, "a"), of: "one")
        }
        #expect(error?.code == .locked)
        #expect(error?.message.hasPrefix("another process is writing to the archive") == true)
        try await other.writeWithoutTransaction { try $0.execute(sql: "ROLLBACK") }
        try await archive.record(Example.candidate(1, "a"), of: "one")
    }

    @Test func aFullDiskLosesNothingRecordedBefore() async throws {
        let archive = try SQLiteArchive(path)
        try await archive.record(Example.candidate(1, "a", mean: 6), of: "one")
        try await archive.database.write { database in
            let pages = try Int.fetchOne(database, sql: "PRAGMA page_count") ?? 0
            try database.execute(sql: "PRAGMA max_page_count = \(pages + 2)")
        }
        let error = await #expect(throws: ArchiveError.self) {
            for number in 2...200 {
                try await archive.record(Example.candidate(number, "a\(number)", mean: 6), of: "one")
            }
        }
        #expect(error?.code == .diskFull)
        let kept = try await archive.snapshot(of: "one").candidates
        #expect(kept.first == Example.candidate(1, "a", mean: 6))
    }

    @Test func placesThatCannotBeWrittenAreNamed() throws {
        try folder.write([1], to: "file")
        for path in ["/proc/losslab/archive.sqlite", folder.path + "/file/archive.sqlite", folder.path] {
            let error = #expect(throws: ArchiveError.self) { try SQLiteArchive(path) }
            #expect(error?.description.hasPrefix("/") == true)
        }
    }

    /// Overwrites every page but the first in turn: either all is read as recorded, or the damage is named.
    @Test func damageAnywhereIsNamedNeverACrash() async throws {
        let archive = try SQLiteArchive(path)
        for number in 1...12 { try await archive.record(Example.candidate(number, "a\(number)", mean: 6), of: "one") }
        try await archive.database.writeWithoutTransaction { _ = try $0.checkpoint(.truncate) }
        let expected = try await archive.snapshot(of: "one")
        try archive.database.close()
        let sound = try #require(folder.bytes("archive.sqlite"))
        var named = 0
        for page in stride(from: 4_096, to: sound.count, by: 4_096) {
            var bytes = sound
            for offset in page..<min(page + 4_096, bytes.count) {
                bytes[offset] = UInt8(truncatingIfNeeded: offset &* 37)
            }
            try folder.write(bytes, to: "archive.sqlite")
            for suffix in ["-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + suffix) }
            do {
                let damaged = try SQLiteArchive(path)
                let read = try await damaged.snapshot(of: "one")
                let problems = try await damaged.verify(against: folder.path + "/runs")
                #expect(read == expected || problems.contains { $0.kind == .damaged })
                try damaged.database.close()
            } catch let error as ArchiveError {
                #expect(error.code == .corrupt)
                #expect(error.message.contains("losslab archive rebuild"))
                named += 1
            }
        }
        #expect(named > 0)
    }
}
