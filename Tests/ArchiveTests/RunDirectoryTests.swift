import Foundation
import LabCore
import LabTesting
import Testing

@testable import Archive

@Suite struct RunDirectoryTests {
    static let manifest = CampaignManifest(
        config: CampaignConfig(
            name: "first", seed: 7, proposer: ProposerConfig(controlArms: [.random: 0.25, .bestOfN: 0.25])),
        started: "2026-01-01T00:00:00Z", versions: ["torch": "2.13.0"], device: "two cores",
        worldFiles: ["base": ["policy/model.safetensors": "ab"]])

    @Test func aCampaignIsBegunOnceAndResumedWithWhatItWasBegunWith() throws {
        let folder = try TemporaryFolder()
        do {
            let created = try RunDirectory.create(in: folder.path, Self.manifest, resolvedConfig: "name: first\n")
            #expect(created.path == folder.path + "/first")
            #expect(folder.bytes("first/campaign.yaml") == Array("name: first\n".utf8))
        }
        let again = #expect(throws: ArchiveError.self) {
            try RunDirectory.create(in: folder.path, Self.manifest, resolvedConfig: "")
        }
        #expect(again?.code == .alreadyExists)
        #expect(again?.message.contains("losslab campaign resume first") == true)
        let resumed = try RunDirectory.resume("first", in: folder.path)
        #expect(resumed.manifest == Self.manifest)
        let missing = #expect(throws: ArchiveError.self) { try RunDirectory.resume("second", in: folder.path) }
        #expect(missing?.message == "no campaign of that name; there are first")
    }

    @Test func dialoguesAreALineEachBesideTheirTrialsName() throws {
        let folder = try TemporaryFolder()
        let directory = try RunDirectory.create(in: folder.path, Self.manifest, resolvedConfig: "")
        let spec = TrialSpec(
            world: "base", fidelity: .full, setting: Setting(learningRate: 0.0005, beta: 0.02), seed: 2)
        let dialogue = GradedAnswer(
            questionID: 7, decoding: "greedy", sample: 0, turns: ["one\ntwo", "drei"], scores: [9.5, nil],
            explanations: ["", "no rating"])
        try directory.keep([dialogue, dialogue], of: "Soft margin", spec)
        let path = "first/answers/soft-margin/full-base-lr0.0005-b0.02-s2-search-search.jsonl"
        let lines = try #require(folder.bytes(path)).split(separator: UInt8(ascii: "\n"))
        #expect(try lines.map { try ArchiveJSON.decode(GradedAnswer.self, from: Array($0)) } == [dialogue, dialogue])
    }

    @Test func aBatchLeavesLossScreeningAndTrialsOfEachCandidate() async throws {
        let folder = try TemporaryFolder()
        let archive = try SQLiteArchive(folder.path + "/archive.sqlite")
        let directory = try RunDirectory.create(in: folder.path, Self.manifest, resolvedConfig: "")
        let recorder = try await RunRecorder(directory, archive)
        let screening = Screening(
            accepted: true, name: "soft", source: "def loss(): ...",
            checks: [ScreeningCheck(name: "finite-extreme", passed: true, measured: "max |gradient| 0.05")])
        let spec = Example.spec(seed: 1)
        let trial = TrialRecord(spec: spec, outcome: Example.outcome(spec, mean: 6, seconds: 2))
        let entry = RecordedCandidate(Example.candidate(1, "soft", mean: 6), trials: [trial], screening: screening)
        try await recorder.record([entry], of: "first")
        let bytes = try #require(folder.bytes("first/candidates/0001-soft/screening.json"))
        #expect(try ArchiveJSON.decode(Screening.self, from: bytes) == screening)
        #expect(folder.bytes("first/candidates/0001-soft/trials.jsonl") != nil)
        #expect(try await archive.verify(against: folder.path).isEmpty)
        // A kill between files and rows: the batch comes again, and then with a trial more.
        let more = Example.spec(seed: 2)
        let other = TrialRecord(spec: more, outcome: Example.outcome(more, mean: 7, seconds: 2))
        try await recorder.record([entry], of: "first")
        try await recorder.record(
            [RecordedCandidate(Example.candidate(1, "soft", mean: 6), trials: [trial, other], screening: screening)],
            of: "first")
        let lines = try #require(folder.bytes("first/candidates/0001-soft/trials.jsonl")).split(
            separator: UInt8(ascii: "\n"))
        #expect(try lines.map { try ArchiveJSON.decode(TrialRecord.self, from: Array($0)) } == [trial, other])
        #expect(try await archive.verify(against: folder.path).isEmpty)
    }

    @Test func aFolderLeftBeforeTheManifestWasWrittenIsBegunAgain() throws {
        let folder = try TemporaryFolder()
        try FileManager.default.createDirectory(atPath: folder.path + "/first", withIntermediateDirectories: true)
        try folder.write(Array("name: fir".utf8), to: "first/campaign.yaml")
        _ = try RunDirectory.create(in: folder.path, Self.manifest, resolvedConfig: "name: first\n")
        #expect(folder.bytes("first/campaign.yaml") == Array("name: first\n".utf8))
    }

    @Test func onlyOneProcessRunsACampaignAndTheOtherIsToldWhich() throws {
        let folder = try TemporaryFolder()
        var running: RunDirectory? = try RunDirectory.create(in: folder.path, Self.manifest, resolvedConfig: "")
        let error = #expect(throws: ArchiveError.self) { try RunDirectory.resume("first", in: folder.path) }
        #expect(error?.code == .locked)
        #expect(
            error?.message
                == "campaign first is being run by process \(getpid()); wait for it to end or stop it first")
        let files = try RunFiles.open("first", in: folder.path)
        #expect(files.runningProcess == Int(getpid()))
        _ = running?.path
        running = nil
        #expect(files.runningProcess == nil)
        _ = try RunDirectory.resume("first", in: folder.path)
    }

    @Test func theLockOfAKilledProcessIsFree() async throws {
        let folder = try TemporaryFolder()
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = folder.path as String] in
            let manifest = CampaignManifest(config: CampaignConfig(name: "first"), started: "now")
            let directory = try RunDirectory.create(in: path, manifest, resolvedConfig: "name: first\n")
            try directory.append(.started(campaign: "first", resumed: false))
            kill(getpid(), SIGKILL)
        }
        let resumed = try RunDirectory.resume("first", in: folder.path)
        #expect(try resumed.files.events().events.map(\.event) == [.started(campaign: "first", resumed: false)])
    }

    @Test(arguments: ["../out", "", "UP", "reruns", "a/b"])
    func aCampaignBeginsUnderAPlainNameOnly(name: String) throws {
        let folder = try TemporaryFolder()
        let manifest = CampaignManifest(config: CampaignConfig(name: name), started: "now")
        let error = #expect(throws: ArchiveError.self) {
            try RunDirectory.create(in: folder.path + "/runs", manifest, resolvedConfig: "")
        }
        #expect(error?.code == .invalidName && error?.message.contains("`\(name)`") == true)
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/runs"))
    }

    @Test func namesThatDifferOnlyInCapitalsAreRefused() throws {
        let folder = try TemporaryFolder()
        try FileManager.default.createDirectory(atPath: folder.path + "/First", withIntermediateDirectories: true)
        let error = #expect(throws: ArchiveError.self) {
            try RunDirectory.create(in: folder.path, Self.manifest, resolvedConfig: "")
        }
        #expect(error?.code == .invalidName && error?.path.hasSuffix("/First") == true)
    }

    @Test func aManifestOfANewerVersionIsRefused() throws {
        let folder = try TemporaryFolder()
        _ = try RunDirectory.create(in: folder.path, Self.manifest, resolvedConfig: "")
        try folder.write(Array("{\"layout\": 99}".utf8), to: "first/manifest.json")
        let newer = #expect(throws: ArchiveError.self) { try RunDirectory.resume("first", in: folder.path) }
        #expect(newer?.code == .newerVersion)
        try folder.write(Array("{\"layout\": ".utf8), to: "first/manifest.json")
        let broken = #expect(throws: ArchiveError.self) { try RunDirectory.resume("first", in: folder.path) }
        #expect(broken?.code == .corrupt)
    }
}

@Suite struct EventLogTests {
    static let events: [CampaignEvent] = [
        .started(campaign: "first", resumed: false), .proposed(CandidateID(1), name: "soft", arm: .evolution),
        .trialFinished(CandidateID(1), spec: Example.spec(seed: 1), score: 6.5, seconds: 2.5, reused: false),
        .recorded(CandidateID(1), status: .rejected(Rejection(code: "shape", message: "line\nbreak | \"quotes\""))),
        .finished(campaign: "first", seconds: 12),
    ]

    @Test func wholeLinesSurviveATearAtEveryByte() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/events.jsonl"
        for (index, event) in Self.events.enumerated() {
            try EventLog(path).append(TimedEvent(at: "t\(index)", event: event))
        }
        let whole = try #require(folder.bytes("events.jsonl"))
        let ends = whole.indices.filter { whole[$0] == UInt8(ascii: "\n") }
        #expect(ends.count == Self.events.count)
        for length in 0...whole.count {
            try folder.write(whole[..<length], to: "events.jsonl")
            let complete = ends.count { $0 < length }
            #expect(try EventLog.read(path).events.map(\.event) == Array(Self.events.prefix(complete)))
            try EventLog(path).append(TimedEvent(at: "later", event: .finished(campaign: "first", seconds: 99)))
            let after = try EventLog.read(path)
            #expect(
                after.events.map(\.event)
                    == Array(Self.events.prefix(complete)) + [.finished(campaign: "first", seconds: 99)])
            #expect(after.unreadableLines.isEmpty)
        }
    }

    @Test func linesThatAreNoEventsAreNumberedNotFatal() throws {
        let folder = try TemporaryFolder()
        try EventLog(folder.path + "/e").append(TimedEvent(at: "t", event: Self.events[0]))
        let line = try #require(folder.bytes("e"))
        try folder.write(line + Array("{\"event\":{\"fromTheFuture\":{}}}\n\n".utf8) + line, to: "e")
        let read = try EventLog.read(folder.path + "/e")
        #expect(read.events.map(\.event) == [Self.events[0], Self.events[0]])
        #expect(read.unreadableLines == [2, 3])
    }

    @Test func linesFromManyTasksDoNotMix() async throws {
        let folder = try TemporaryFolder()
        let log = try EventLog(folder.path + "/e")
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<50 {
                group.addTask {
                    try? log.append(TimedEvent(at: "t", event: .generationFinished(number: task, evaluated: task)))
                }
            }
        }
        let read = try EventLog.read(folder.path + "/e")
        #expect(read.events.count == 50 && read.unreadableLines.isEmpty)
    }

    @Test func aFullDiskIsNamed() throws {
        let error = #expect(throws: ArchiveError.self) {
            try EventLog("/dev/full").append(TimedEvent(at: "t", event: Self.events[0]))
        }
        #expect(error?.code == .diskFull)
    }
}
