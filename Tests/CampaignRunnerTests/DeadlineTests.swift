import LabTesting
import Synchronization
import Testing

@testable import CampaignRunner

@Suite struct DeadlineTests {
    @Test func anOperationThatNeverReturnsIsLeftBehindOnTime() async throws {
        let started = ContinuousClock.now
        await #expect(throws: DeadlinePassed.self) {
            try await withDeadline(.milliseconds(100)) {
                await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in }
            }
        }
        #expect(started.duration(to: .now) < .seconds(60))
    }

    @Test func cancellationReachesTheOperationAndIsNotRetried() async throws {
        let task = Task {
            try await StageLimits.forTests.call("stage", within: .seconds(60)) {
                try await Task.sleep(for: .seconds(60))
            }
        }
        task.cancel()
        let started = ContinuousClock.now
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(started.duration(to: .now) < .seconds(60))
    }

    @Test func aDeafOperationHoldsACancelledCallerForTheGraceOnly() async throws {
        let task = Task {
            try await withDeadline(.seconds(60), grace: .milliseconds(50)) {
                await withUnsafeContinuation { (_: UnsafeContinuation<Void, Never>) in }
            }
        }
        try await Task.sleep(for: .milliseconds(20))
        task.cancel()
        let started = ContinuousClock.now
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(started.duration(to: .now) < .seconds(60))
    }

    @Test func resultsKeepTheOrderOfTheElements() async throws {
        let results = try await concurrentMap(Array(0..<40), limit: 7) { index in
            try await Task.sleep(for: .milliseconds(40 - index))
            return index
        }
        #expect(results == Array(0..<40))
    }

    @Test func noMoreThanTheLimitRunAtOnce() async throws {
        let running = Mutex((now: 0, most: 0))
        _ = try await concurrentMap(Array(0..<30), limit: 4) { _ in
            running.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1)) }
            try await Task.sleep(for: .milliseconds(2))
            running.withLock { $0.now -= 1 }
        }
        #expect(running.withLock { $0.most } == 4)
    }
}
