import Foundation
import Testing

@testable import ChatClient

@Suite struct PaceTests {
    @Test func noMinuteHoldsMoreRequestsThanTheLimit() {
        var window = RateWindow(requests: 10, tokens: nil)
        var now = Duration.zero
        var times: [Duration] = []
        for number in 0..<100 {
            now += .seconds(Double(number % 4))
            now += window.wait(for: 1, at: now)
            #expect(window.wait(for: 1, at: now) == .zero)
            _ = window.note(1, at: now)
            times.append(now)
        }
        for start in times { #expect(times.count { $0 >= start && $0 < start + .seconds(60) } <= 10) }
        // As fast as the limit allows: 100 requests need nine more minutes than the first ten.
        #expect(now <= .seconds(600))
    }

    @Test func noMinuteHoldsMoreTokensThanTheLimit() {
        var window = RateWindow(requests: nil, tokens: 1000)
        var now = Duration.zero
        var sent: [(time: Duration, tokens: Int)] = []
        for number in 0..<60 {
            let size = 50 + number * 37 % 400
            now += window.wait(for: size, at: now)
            _ = window.note(size, at: now)
            sent.append((now, size))
        }
        for (start, _) in sent {
            let inMinute = sent.filter { $0.time >= start && $0.time < start + .seconds(60) }
            #expect(inMinute.reduce(0) { $0 + $1.tokens } <= 1000)
        }
    }

    @Test func aCorrectedEstimateLetsTheNextGoEarlier() {
        var window = RateWindow(requests: nil, tokens: 1000)
        let number = window.note(900, at: .zero)
        #expect(window.wait(for: 200, at: .seconds(1)) == .seconds(59))
        window.correct(number, to: 100)
        #expect(window.wait(for: 200, at: .seconds(1)) == .zero)
    }

    @Test func aRequestLargerThanTheLimitGoesAlone() {
        var window = RateWindow(requests: nil, tokens: 1000)
        #expect(window.wait(for: 5000, at: .zero) == .zero)
        _ = window.note(5000, at: .zero)
        #expect(window.wait(for: 1, at: .seconds(10)) == .seconds(50))
    }

    @Test func retriesWaitLongerEachTimeAndNeverAllAtOnce() {
        let schedule = RetrySchedule(base: .milliseconds(500))
        #expect(schedule.wait(before: 0, asked: nil, fraction: 0) == .zero)
        #expect(schedule.wait(before: 0, asked: nil, fraction: 0.5) == .milliseconds(250))
        #expect(schedule.wait(before: 3, asked: nil, fraction: 0.5) == .seconds(2))
        #expect(schedule.wait(before: 50, asked: nil, fraction: 0.5) == .seconds(15))
        #expect(schedule.wait(before: 3, asked: .seconds(7), fraction: 0.5) == .milliseconds(7250))
    }

    static let pauses: [(String, Double?)] = [
        ("Retry-After: 3", 3), ("retry-after:  0.5 ", 0.5), ("RETRY-AFTER: -1", nil), ("Retry-After: soon", nil),
        ("Retry-After-Ms: 250\r\nRetry-After: 9", 0.25), ("X: y", nil),
        ("Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nRetry-After: Sun, 06 Nov 1994 08:50:07 GMT", 30),
        ("Retry-After: Sun, 06 Nov 1994 08:49:37 GMT", 0),
    ]

    @Test(arguments: pauses)
    func aServersPauseIsSecondsOrADate(_ header: String, seconds: Double?) {
        let head = Array("HTTP/1.1 429 Too Many\r\n\(header)\r\n\r\n".utf8)
        let response = HTTPResponse(status: 429, head: head, body: [])
        #expect(RetrySchedule.asked(by: response, now: Date()) == seconds.map { .seconds($0) })
    }

    @Test func requestsBeyondTheLimitPerMinuteAreHeldBack() async throws {
        let server = try ScriptedServer.shared.get()
        var endpoint = server.endpoint()
        endpoint.requestsPerMinute = 2
        let client = try ChatClient(endpoint: endpoint)
        let model = script("ok")
        let tasks = (0..<3).map { _ in Task { try await chatError { try await client.complete(ask(model)) }?.kind } }
        while try await server.seen(model).count < 2 { try await Task.sleep(for: .milliseconds(20)) }
        try await Task.sleep(for: .milliseconds(300))
        #expect(try await server.seen(model).count == 2)
        tasks.forEach { $0.cancel() }
        var kinds: [ChatError.Kind?] = []
        for task in tasks { kinds.append(try await task.value) }
        #expect(kinds.count { $0 == .cancelled } == 1 && kinds.count { $0 == nil } == 2)
    }

    @Test func aRetryThatTheLimitHoldsBackEndsWithTheCallsTime() async throws {
        let server = try ScriptedServer.shared.get()
        var endpoint = server.endpoint()
        endpoint.requestsPerMinute = 1
        endpoint.timeouts.call = .seconds(5)
        let client = try ChatClient(endpoint: endpoint)
        let began = ContinuousClock.now
        let first = Task { try await chatError { try await client.complete(ask(script("slow500:0.5,ok"))) } }
        try await Task.sleep(for: .milliseconds(100))
        // Stands in the line for the next minute before the first call's retry does.
        let second = Task { try await chatError { try await client.complete(ask(script("ok"))) } }
        let error = try await first.value
        #expect(error?.kind == .serverError && error?.message.contains("timeouts.call") == true)
        #expect(ContinuousClock.now - began < .seconds(30))
        second.cancel()
        #expect(try await second.value?.kind == .cancelled)
    }

    @Test func aGateKeepsItsPlacesThroughCancellations() async throws {
        let gate = Gate(2)
        #expect(try await gate.enter())
        #expect(try await gate.enter())
        #expect(try await !gate.enter(until: .now + .milliseconds(30)))
        let waiting = (0..<20).map { _ in
            Task {
                _ = try await gate.enter()
                gate.leave()
            }
        }
        for task in waiting.prefix(10) { task.cancel() }
        gate.leave()
        var entered = 0
        for task in waiting { if case .success = await task.result { entered += 1 } }
        #expect(entered >= 10)
        gate.leave()
        #expect(try await gate.enter())
        #expect(try await gate.enter())
    }
}
