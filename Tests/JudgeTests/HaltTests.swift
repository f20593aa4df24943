import ChatClient
import LabCore
import Synchronization
import Testing

@testable import Judge

/// What ends all judging is told as that, and what was paid for is kept.
@Suite struct JudgeHaltTests {
    private let answers = [
        Answer(questionID: 1, samples: [["a1", "a2"], ["b1", "b2"]]), Answer(questionID: 3, samples: [["c1"], ["d1"]]),
    ]

    @Test(arguments: [
        (ChatError.Kind.budgetReached, ModelHalt.Reason.budget), (.refusedKey, .misconfigured),
        (.unknownModel, .misconfigured), (.configuration, .misconfigured),
    ])
    func whatFailsEveryRequestIsAHalt(kind: ChatError.Kind, reason: ModelHalt.Reason) async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let suite = try MTBenchSuite(folder: smallSuite(scratch))
        let judge = ScriptedJudge { _ in throw ChatError(kind, "so it is") }
        let stage = MTBenchJudge(suite: suite, service: judge, settings: JudgeSettings(model: "j"))
        let halt = await #expect(throws: ModelHalt.self) {
            try await stage.judge(answers, of: "w", questions: .search)
        }
        #expect(halt?.reason == reason && halt?.message == "so it is")
    }

    @Test func callsOnTheirWayAreReceivedWhenTheBudgetEnds() async throws {
        let received = Mutex<[Int]>([])
        let error = await #expect(throws: ChatError.self) {
            try await forEachConcurrently(Array(0..<10), width: 4) { number in
                if number == 1 { throw ChatError(.budgetReached, "spent") }
                try await Task.sleep(for: .milliseconds(30 * (number + 1)))
                return number
            } receive: { _, number in
                received.withLock { $0.append(number) }
            }
        }
        #expect(error?.kind == .budgetReached)
        // 0, 2 and 3 were on their way; nothing began after.
        #expect(received.withLock { $0 } == [0, 2, 3])
    }

    @Test func anyOtherErrorEndsTheRestAtOnce() async throws {
        await #expect(throws: ChatError.self) {
            try await forEachConcurrently(Array(0..<10), width: 4) { number in
                if number == 1 { throw ChatError(.refusedKey, "no") }
                try await Task.sleep(for: .seconds(60))
            } receive: { _, _ in
            }
        }
    }
}
