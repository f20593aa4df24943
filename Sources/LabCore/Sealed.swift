/// A kept result with the hash of its content and of the name it is kept under, so that damage and changes show.
///
/// Against mistakes, disks and editors; whoever computes the hash anew is not kept out by it.
public enum Sealed {
    /// What a kept result turned out to be.
    public enum Opened: Sendable, Equatable {
        case sound([UInt8])
        /// The content is not what was kept under this name.
        case changed
        /// Kept by a version that sealed nothing.
        case unsealed
    }

    private static let mark = Array("\nsha256 ".utf8)
    private static let digits = 64

    /// The content with a line behind it that names its hash.
    public static func seal(_ content: [UInt8], as name: String) -> [UInt8] {
        content + mark + Array(hash(content, name).utf8) + [UInt8(ascii: "\n")]
    }

    public static func open(_ bytes: [UInt8], as name: String) -> Opened {
        let end = bytes.count - mark.count - digits - 1
        guard end >= 0, bytes.last == UInt8(ascii: "\n"), bytes[end..<(end + mark.count)].elementsEqual(mark) else {
            return .unsealed
        }
        let content = Array(bytes[..<end])
        let found = String(decoding: bytes[(end + mark.count)..<(bytes.count - 1)], as: UTF8.self)
        return found == hash(content, name) ? .sound(content) : .changed
    }

    private static func hash(_ content: [UInt8], _ name: String) -> String {
        var hasher = SHA256()
        hasher.update(Array(name.utf8))
        hasher.update([0])
        hasher.update(content)
        return hasher.finish()
    }
}
