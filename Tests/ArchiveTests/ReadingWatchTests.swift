import Archive
import Foundation
import Testing

/// Replies that bring the process down when they are read.
@Suite struct ReadingWatchTests {
    /// A process that begins to read for these candidates, ends with some, and dies.
    private func die(in folder: TemporaryFolder, reading: [Int], done: [Int] = []) async {
        let path = folder.path + "/run/readings.log"
        await #expect(processExitsWith: .signal(SIGKILL)) {
            [path = path as String, reading = reading as [Int], done = done as [Int]] in
            let watch = try ReadingWatch(path)
            for candidate in reading { try watch.begin(candidate) }
            for candidate in done { try watch.end(candidate) }
            kill(getpid(), SIGKILL)
        }
    }

    @Test func whatWasOpenAtADeathIsCountedAndWhatWasReadIsNot() async throws {
        let folder = try TemporaryFolder()
        await die(in: folder, reading: [3, 4], done: [4])
        let first = try ReadingWatch(folder.path + "/run/readings.log")
        #expect(first.deaths(of: 3) == 1 && first.deaths(of: 4) == 0)
        await die(in: folder, reading: [3])
        let second = try ReadingWatch(folder.path + "/run/readings.log")
        #expect(second.deaths(of: 3) == ReadingWatch.mostDeaths)
    }

    @Test func aProcessThatEndsInOrderLeavesNothingBehind() throws {
        let folder = try TemporaryFolder()
        for _ in 0..<5 {
            let watch = try ReadingWatch(folder.path + "/readings.log")
            try watch.begin(1)
            try watch.begin(1)
            try watch.end(1)
            try watch.end(2)
            #expect(watch.deaths(of: 1) == 0)
        }
    }

    @Test func aTornLineIsNoDeath() throws {
        let folder = try TemporaryFolder()
        try folder.write(Array("process\nbegin 1\nend 1\nbegin 2\nbeg".utf8), to: "readings.log")
        let watch = try ReadingWatch(folder.path + "/readings.log")
        #expect(watch.deaths(of: 1) == 0 && watch.deaths(of: 2) == 1)
    }
}
