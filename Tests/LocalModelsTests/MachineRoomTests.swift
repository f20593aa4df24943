import LabCore
import Testing

@testable import LocalModels

@Suite struct MachineRoomTests {
    private let model = LocalModel(
        name: "small", title: "Small", license: "MIT", bytes: 1_000_000_000, sha256: "", contextTokens: 4096,
        form: .chat, memoryBytes: 2_000_000_000, cacheBytesPerToken: 10_000)

    @Test func aModelThatFitsHasNoShortage() {
        let room = MachineRoom(memory: 2_100_000_000, disk: 3_000_000_000)
        #expect(room.shortage(of: model, slots: 2, context: 4096, isFetched: false) == nil)
    }

    @Test func memoryCountsWhatTheSlotsRemember() {
        // 2 GB and 2 slots of 8192 tokens of 10 kB are 2.164 GB.
        let room = MachineRoom(memory: 2_160_000_000, disk: 3_000_000_000)
        #expect(room.shortage(of: model, slots: 2, context: 4096, isFetched: true) == nil)
        let shortage = room.shortage(of: model, slots: 2, context: 8192, isFetched: true)
        #expect(shortage == LocalModelError(.memory, "small needs 2.2 GB of memory, and 2.2 GB are free"))
    }

    @Test func memoryOfTheTrainingsCountsToo() {
        let room = MachineRoom(memory: 3_000_000_000, disk: 3_000_000_000)
        let shortage = room.shortage(of: model, slots: 1, context: 512, besides: 1_500_000_000, isFetched: true)
        #expect(shortage?.code == .memory)
        #expect(shortage?.message.contains("beside the trainings") == true)
    }

    @Test func diskCountsOnlyBeforeTheFileIsHere() {
        let room = MachineRoom(memory: 9_000_000_000, disk: 2_000_000_000)
        #expect(room.shortage(of: model, slots: 1, context: 512, isFetched: true) == nil)
        #expect(room.shortage(of: model, slots: 1, context: 512, isFetched: false)?.code == .disk)
    }

    @Test func thisMachineHasSomeRoom() {
        let room = MachineRoom.current(folder: "/nonexistent/folder")
        #expect(room.memory > 0 && room.memory < 1 << 50)
        #expect(room.disk > 0 && room.disk < 1 << 60)
    }
}
