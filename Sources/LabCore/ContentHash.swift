/// SHA-256 (FIPS 180-4), so that the value layer names contents without a third-party module.
public enum ContentHash {
    /// The digest of the bytes in 64 hexadecimal digits.
    public static func sha256(_ bytes: some Sequence<UInt8>) -> String {
        var hasher = SHA256()
        hasher.update(bytes)
        return hasher.finish()
    }

    public static func sha256(_ text: String) -> String { sha256(text.utf8) }
}

/// A digest fed piece by piece, for files larger than memory should hold.
public struct SHA256: Sendable {
    private var state: [UInt32] = [
        0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19,
    ]
    private var block: [UInt8] = []
    private var length: UInt64 = 0
    private var schedule = [UInt32](repeating: 0, count: 64)

    public init() { block.reserveCapacity(64) }

    public mutating func update(_ bytes: some Sequence<UInt8>) {
        let isDone: Void? = bytes.withContiguousStorageIfAvailable { update(whole: $0) }
        if isDone == nil { for byte in bytes { update(byte) } }
    }

    private mutating func update(_ byte: UInt8) {
        block.append(byte)
        length &+= 8
        if block.count == 64 {
            block.withUnsafeBufferPointer { compress($0, from: 0) }
            block.removeAll(keepingCapacity: true)
        }
    }

    /// Whole blocks are mixed in where they lie.
    private mutating func update(whole bytes: UnsafeBufferPointer<UInt8>) {
        var at = 0
        while at < bytes.count, !block.isEmpty {
            update(bytes[at])
            at += 1
        }
        while at + 64 <= bytes.count {
            compress(bytes, from: at)
            length &+= 512
            at += 64
        }
        while at < bytes.count {
            update(bytes[at])
            at += 1
        }
    }

    /// The digest in hexadecimal; the hasher is used up.
    public mutating func finish() -> String {
        let bits = length
        update(0x80)
        while block.count != 56 { update(0) }
        for shift in stride(from: 56, through: 0, by: -8) { update(UInt8(truncatingIfNeeded: bits >> shift)) }
        let digits = Array("0123456789abcdef")
        return String(
            state.flatMap { word in
                stride(from: 28, through: 0, by: -4).map { digits[Int(word >> UInt32($0)) & 15] }
            })
    }

    /// Mixes one whole block into the state (section 6.2.2).
    private mutating func compress(_ block: UnsafeBufferPointer<UInt8>, from start: Int) {
        for index in 0..<16 {
            let at = start + index * 4
            schedule[index] =
                UInt32(block[at]) << 24 | UInt32(block[at + 1]) << 16 | UInt32(block[at + 2]) << 8
                | UInt32(block[at + 3])
        }
        for index in 16..<64 {
            let (early, late) = (schedule[index - 15], schedule[index - 2])
            let small0 = rotated(early, 7) ^ rotated(early, 18) ^ (early >> 3)
            let small1 = rotated(late, 17) ^ rotated(late, 19) ^ (late >> 10)
            schedule[index] = schedule[index - 16] &+ small0 &+ schedule[index - 7] &+ small1
        }
        var (a, b, c, d) = (state[0], state[1], state[2], state[3])
        var (e, f, g, h) = (state[4], state[5], state[6], state[7])
        for index in 0..<64 {
            let big1 = rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)
            let choice = (e & f) ^ (~e & g)
            let first = h &+ big1 &+ choice &+ Self.constants[index] &+ schedule[index]
            let big0 = rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)
            let majority = (a & b) ^ (a & c) ^ (b & c)
            (h, g, f, e) = (g, f, e, d &+ first)
            (d, c, b, a) = (c, b, a, first &+ big0 &+ majority)
        }
        state[0] &+= a
        state[1] &+= b
        state[2] &+= c
        state[3] &+= d
        state[4] &+= e
        state[5] &+= f
        state[6] &+= g
        state[7] &+= h
    }

    private func rotated(_ word: UInt32, _ count: UInt32) -> UInt32 { word >> count | word << (32 - count) }

    /// First 32 bits of the fractional parts of the cube roots of the first 64 primes, by integer arithmetic.
    private static let constants: [UInt32] = {
        var primes: [UInt64] = []
        var number: UInt64 = 2
        while primes.count < 64 {
            if primes.allSatisfy({ !number.isMultiple(of: $0) }) { primes.append(number) }
            number += 1
        }
        return primes.map { prime in
            // The largest r with r^3 <= prime * 2^96 is the cube root times 2^32; its low 32 bits are the fraction.
            var root: UInt64 = 0
            for bit in stride(from: UInt64(34), through: 0, by: -1) {
                let trial = root | 1 << bit
                let square = trial.multipliedFullWidth(by: trial)
                let cube = UInt128(square.high) << 64 | UInt128(square.low)
                if cube <= (UInt128(prime) << 96) / UInt128(trial) { root = trial }
            }
            return UInt32(truncatingIfNeeded: root)
        }
    }()
}
