import LabCore

/// Finds the few earlier losses whose fingerprints may equal a new one, without keeping the fingerprints.
///
/// A projection on random signs, divided by the length, moves by at most the root mean square distance of two
/// fingerprints. So equal losses lie in the same or a neighbouring cell of a grid over three such projections, and only
/// those few are compared in full. Cost and memory per loss stay the same however many there are.
struct FingerprintIndex: Sendable {
    struct Entry: Sendable, Equatable {
        let id: CandidateID
        let name: String
    }

    private struct Cell: Hashable {
        let x: Int
        let y: Int
        let z: Int
    }

    private let width: Double
    private var cells: [Cell: [Entry]] = [:]

    init(tolerance: Double) {
        // Cells wider than the tolerance keep the neighbourhood to one cell each way.
        width = 4 * max(tolerance, 1e-12)
    }

    mutating func insert(_ fingerprint: Fingerprint, id: CandidateID, name: String) {
        cells[cell(of: fingerprint), default: []].append(Entry(id: id, name: name))
    }

    /// Earlier losses in order of their ids, among them every one within the tolerance.
    func near(_ fingerprint: Fingerprint) -> [Entry] {
        let center = cell(of: fingerprint)
        var found: [Entry] = []
        for x in -1...1 {
            for y in -1...1 {
                for z in -1...1 {
                    found += cells[Cell(x: center.x + x, y: center.y + y, z: center.z + z)] ?? []
                }
            }
        }
        return found.sorted { $0.id < $1.id }
    }

    private func cell(of fingerprint: Fingerprint) -> Cell {
        var signs = SeededGenerator(seed: 0)
        var sums = (0.0, 0.0, 0.0)
        for value in fingerprint.values {
            let bits = signs.next()
            sums.0 += bits & 1 == 0 ? value : -value
            sums.1 += bits & 2 == 0 ? value : -value
            sums.2 += bits & 4 == 0 ? value : -value
        }
        let length = Double(max(fingerprint.values.count, 1))
        func coordinate(_ sum: Double) -> Int {
            let position = (sum / length / width).rounded(.down)
            return position.isFinite ? Int(max(-1e15, min(1e15, position))) : 0
        }
        return Cell(x: coordinate(sums.0), y: coordinate(sums.1), z: coordinate(sums.2))
    }
}
