using System.Diagnostics;
using System.Globalization;
using Tracking.Servers;

namespace Tracking.System.Tests.Deploy;

public sealed class SystemdTests(MadeSecrets made) : IClassFixture<MadeSecrets>
{
    /// <summary>The worst exposure of a unit on the scale of <c>--threshold</c>, 0 to 100: ten times the displayed
    /// score.</summary>
    private const int ExposureLimit = 20;

    public static TheoryData<string> Units =>
        [.. Directory.EnumerateFiles(Manifests.PathOf("systemd"), "*.service").Select(file => Path.GetFileName(file)).Order()];

    [Fact]
    public async Task Every_unit_is_understood_by_systemd_without_a_word()
    {
        using var root = new TemporaryFolder();
        var units = Directory.CreateDirectory(root.In("etc/systemd/system")).FullName;
        foreach (var file in Directory.EnumerateFiles(Manifests.PathOf("systemd"))
            .Where(file => Path.GetExtension(file) is ".service" or ".target"))
        {
            File.Copy(file, Path.Combine(units, Path.GetFileName(file)));
            foreach (var program in Values(file, "ExecStart"))
            {
                var path = root.In(program.TrimStart('/'));
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                await File.WriteAllTextAsync(path, "#!/bin/sh\n", TestContext.Current.CancellationToken);
                File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserExecute);
            }
        }

        Directory.CreateDirectory(root.In("usr/lib/systemd"));
        Directory.CreateSymbolicLink(root.In("usr/lib/systemd/system"), "/lib/systemd/system");
        var (code, output) = await AnalyzeAsync(
            ["verify", $"--root={root.Path}", "--man=no", .. Directory.EnumerateFiles(units).Select(
                file => Path.GetFileName(file))]);
        // Any output fails, because systemd only warns about an unknown setting and continues.
        Assert.Equal("", output);
        Assert.Equal(0, code);
    }

    [Theory]
    [MemberData(nameof(Units))]
    public async Task A_unit_exposes_no_more_than_the_limit(string unit)
    {
        var (code, output) = await AnalyzeAsync(
        [
            "security", "--offline=true", "--no-pager", $"--threshold={ExposureLimit}",
            Manifests.PathOf("systemd", unit),
        ]);
        Assert.True(code == 0, output);
        Assert.Contains("Overall exposure level", output, StringComparison.Ordinal);
    }

    // Settings that every unit must have, independent of the score.
    [Theory]
    [MemberData(nameof(Units))]
    public void A_unit_has_no_privileges_and_nothing_of_the_machine(string unit)
    {
        var file = Manifests.PathOf("systemd", unit);
        foreach (var (key, value) in ((string, string)[])
        [
            ("NoNewPrivileges", "yes"), ("ProtectSystem", "strict"), ("ProtectHome", "yes"), ("PrivateTmp", "yes"),
            ("PrivateDevices", "yes"), ("ProtectProc", "invisible"), ("RestrictSUIDSGID", "yes"), ("UMask", "0077"),
            ("CapabilityBoundingSet", unit == "tracking-gateway.service" ? "CAP_NET_BIND_SERVICE" : ""),
        ])
        {
            Assert.Equal((key, value), (key, Assert.Single(Values(file, key))));
        }

        Assert.True(Values(file, "DynamicUser") is ["yes"] || Values(file, "User") is ["tracking"], "It runs as root.");
    }

    [Theory]
    [MemberData(nameof(Units))]
    public void A_unit_starts_a_program_of_ours_with_settings_that_it_takes(string unit)
    {
        var file = Manifests.PathOf("systemd", unit);
        var program = Assert.Single(Values(file, "ExecStart"));
        var project = Path.GetFileName(program)["Tracking.".Length..];
        Assert.True(Directory.Exists(Path.Combine(BuiltPrograms.Repository, "src", project)), program);
        var name = unit["tracking-".Length..^".service".Length];
        Assert.Equal($"/usr/lib/tracking/{name}/Tracking.{project}", program);
        Assert.True(name == "standalone" || Manifests.Services[name] == project);

        var variables = Values(file, "Environment").Concat(Values(file, "EnvironmentFile")
                .Select(path => Manifests.PathOf("systemd", Path.GetFileName(path)))
                .Where(File.Exists)
                .SelectMany(File.ReadAllLines)
                .Where(line => line.Contains('=') && line[0] != '#'))
            .Select(line => line.Split('=', 2))
            .ToDictionary(pair => pair[0], pair => pair[1]);
        foreach (var credential in Values(file, "LoadCredential").Select(value => value.Split(':')))
        {
            Assert.Equal($"/etc/tracking/secrets/{name}/{credential[0]}", credential[1]);
            variables.Add(credential[0], "");
        }

        // The unit loads exactly the secrets that are made for the service.
        Assert.Equal(made.Of(name), variables.Keys.Where(key => variables[key].Length == 0).Order());
        Assert.Equal(made.Of(name).Count > 0, variables.ContainsKey("TRACKING_SECRETS"));
        CheckEnvironment.Check(project, variables);
    }

    [Fact]
    public void The_target_wants_every_service_and_the_gateway_finds_those_behind_it()
    {
        var wanted = Values(Manifests.PathOf("systemd", "tracking.target"), "Wants").SelectMany(v => v.Split(' '));
        Assert.Equal(
            Manifests.Services.Keys.Select(name => $"tracking-{name}.service").Order(), wanted.Order());

        var behind = Values(Manifests.PathOf("systemd", "tracking-gateway.service"), "Environment")
            .Where(line => line.StartsWith("services__", StringComparison.Ordinal))
            .Select(line => line.Split('=', 2)).ToList();
        Assert.Equal(4, behind.Count);
        Assert.All(behind, pair => Assert.Contains(
            $"ASPNETCORE_URLS={pair[1]}",
            Values(Manifests.PathOf("systemd", $"tracking-{pair[0].Split("__")[1]}.service"), "Environment")));
    }

    private static List<string> Values(string file, string key) =>
        [.. File.ReadAllLines(file)
            .Where(line => line.StartsWith(key + "=", StringComparison.Ordinal))
            .Select(line => line[(key.Length + 1)..].TrimStart('-'))];

    private static async Task<(int Code, string Output)> AnalyzeAsync(string[] arguments)
    {
        using var analyze = Process.Start(new ProcessStartInfo("systemd-analyze", arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { ["SYSTEMD_COLORS"] = "0", ["LC_ALL"] = "C" },
        })!;
        var texts = await Task.WhenAll(
            analyze.StandardOutput.ReadToEndAsync(), analyze.StandardError.ReadToEndAsync());
        await analyze.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (analyze.ExitCode, string.Create(CultureInfo.InvariantCulture, $"{texts[0]}{texts[1]}"));
    }
}
