import Foundation
public import LabCore

/// What this machine has left, and whether a model fits into it.
public struct MachineRoom: Sendable, Equatable {
    /// Bytes that programs can still get without swapping.
    public var memory: Int
    /// Bytes free where models are kept.
    public var disk: Int

    public init(memory: Int, disk: Int) {
        self.memory = memory
        self.disk = disk
    }

    /// - Parameter folder: where models are kept; it need not be there yet.
    public static func current(folder: String) -> MachineRoom {
        MachineRoom(memory: min(availableMemory, controlGroupMemory), disk: freeDisk(folder))
    }

    /// Packages and the file put together of them lie side by side for a while.
    static func diskNeeded(for model: LocalModel) -> Int { 2 * model.bytes + 200_000_000 }

    /// Why the model cannot run here, as one sentence; `nil` where it can.
    ///
    /// - Parameters:
    ///   - besides: bytes of memory that other parts of the campaign will take.
    ///   - isFetched: whether its file is here already.
    public func shortage(
        of model: LocalModel, slots: Int, context: Int, besides: Int = 0, isFetched: Bool
    ) -> LocalModelError? {
        let needed = model.memory(slots: slots, context: context) + besides
        if memory < needed {
            let others = besides > 0 ? " beside the trainings" : ""
            return LocalModelError(
                .memory,
                "\(model.name) needs \(gigabytes(needed)) of memory\(others), and \(gigabytes(memory)) are free")
        }
        if !isFetched, disk < Self.diskNeeded(for: model) {
            return LocalModelError(
                .disk,
                "\(model.name) needs \(gigabytes(Self.diskNeeded(for: model))) of disk while it is fetched, and "
                    + "\(gigabytes(disk)) are free")
        }
        return nil
    }

    private static var availableMemory: Int {
        let text = (try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("MemAvailable:") }
        return line?.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 << 10 } ?? .max
    }

    /// What a container's limit leaves.
    private static var controlGroupMemory: Int {
        func number(_ file: String) -> Int? {
            (try? String(contentsOfFile: "/sys/fs/cgroup/" + file, encoding: .utf8)).flatMap {
                Int($0.trimmingCharacters(in: .whitespacesAndNewlines))
            }
        }
        // Version 2 of control groups, then version 1. Files in the page cache count as used and can be given back.
        for (limit, usage, statistics, cached) in [
            ("memory.max", "memory.current", "memory.stat", "inactive_file"),
            (
                "memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat",
                "total_inactive_file"
            ),
        ] {
            guard let limit = number(limit), let usage = number(usage) else { continue }
            let lines = (try? String(contentsOfFile: "/sys/fs/cgroup/" + statistics, encoding: .utf8)) ?? ""
            let line = lines.split(separator: "\n").first { $0.hasPrefix(cached + " ") }
            let reclaimable = line.flatMap { Int($0.dropFirst(cached.count + 1)) } ?? 0
            return max(0, limit - usage + reclaimable)
        }
        return .max
    }

    private static func freeDisk(_ folder: String) -> Int {
        var folder = folder
        while folder.count > 1, !FileManager.default.fileExists(atPath: folder) {
            folder = NSString(string: folder).deletingLastPathComponent
        }
        let attributes = try? FileManager.default.attributesOfFileSystem(forPath: folder)
        return attributes?[.systemFreeSize] as? Int ?? .max
    }
}

/// `2.4 GB`.
public func gigabytes(_ bytes: Int) -> String {
    String(format: "%.1f GB", locale: Locale(identifier: "en_US_POSIX"), Double(bytes) / 1e9)
}
