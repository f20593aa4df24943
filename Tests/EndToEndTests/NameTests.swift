import Foundation
import Testing

/// Names on the command line become folders of the lab, and of nothing else.
@Suite struct NameTests {
    @Test(arguments: ["../../escaped", "", "UP", "reruns", "a/b", ".", "-x"])
    func aCampaignsNameFromTheCommandLineIsChecked(_ name: String) throws {
        let program = try Program()
        defer { program.remove() }
        _ = try program.write(TinyCampaign.recipe, to: "runs/tiny.yaml")
        let option = name.hasPrefix("-") ? ["--name=\(name)"] : ["--name", name]
        let refused = try program.run(["campaign", "run", "runs/tiny.yaml"] + option)
        #expect(refused.code == 65, "\(refused.errors)")
        #expect(refused.errors.contains("the name of a campaign must be") && refused.errors.contains("`\(name)`"))
        let runs = try FileManager.default.contentsOfDirectory(atPath: program.folder.appending(path: "runs").path)
        #expect(runs == ["tiny.yaml"])
    }

    @Test(arguments: ["..", "UP", ".hidden"])
    func aSuitesNameIsChecked(_ name: String) throws {
        let program = try Program()
        defer { program.remove() }
        let answers = try program.write(#"{"question_id":1,"choices":[{"turns":["a"]}]}"#, to: "a.jsonl")
        let refused = try program.run(
            "judge", "run", "--suite", name, "--answers", answers, "--judge", "j", "--out", "out")
        #expect(refused.code == 65)
        #expect(refused.errors.contains("the name of an evaluation"))
    }

    @Test(arguments: ["../outside", ".", "", "tiny/../tiny"])
    func aCampaignIsFoundByItsOwnNameOnly(_ name: String) throws {
        let program = try Program()
        defer { program.remove() }
        for folder in ["outside", "runs/tiny", "runs"] {
            _ = try program.write("{}", to: "\(folder)/manifest.json")
        }
        let refused = try program.run("campaign", "resume", name)
        #expect(refused.code != 0 && refused.errors.contains("no campaign of that name"), "\(refused.errors)")
    }
}
