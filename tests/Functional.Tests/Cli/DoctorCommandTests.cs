using System.Text.Json.Nodes;
using Tracking.Cli.Commands.Doctor;

namespace Tracking.Functional.Tests.Cli;

/// <summary><c>trackctl doctor</c> against a real name server and a real authority.</summary>
public sealed class DoctorCommandTests(DoctorLab lab) : IClassFixture<DoctorLab>
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Doctor_ends_with_0_and_shows_the_values_when_everything_is_right()
    {
        var (code, output, error) = await RunAsync("doctor", "--env-file", lab.Settings("sound"));

        Assert.True(code == 0, output + error);
        Assert.Contains("Tracking__SystemHost=links.sound.net\n", output, StringComparison.Ordinal);
        Assert.Contains("ok       zone-wildcard    *.track.sound.net: A 127.0.0.1\n", output, StringComparison.Ordinal);
        Assert.Contains(
            $"ok       caa-wildcard     *.track.sound.net: CAA 0 issue \"{DoctorLab.CaaDomain}\"\n", output,
            StringComparison.Ordinal);
        Assert.Contains("sender-mx        notices.sound.net: MX mail.sound.net\n", output, StringComparison.Ordinal);
        Assert.DoesNotContain("s3cret", output, StringComparison.Ordinal);
        Assert.EndsWith("Everything that is needed is there.", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("no-host", "system-host no address", "zone-wildcard A 127.0.0.1")]
    [InlineData("no-wildcard", "zone-wildcard no address")]
    [InlineData("other-wildcard", "zone-wildcard A 127.0.0.2")]
    [InlineData("other-caa", "caa-wildcard CAA 0 issue \"other.example\": other authorities only")]
    [InlineData("other-method",
        "caa-wildcard CAA 0 issue \"authority.example; validationmethods=dns-01\": it is allowed other ways of "
        + "validation only")]
    [InlineData("critical-caa",
        "caa-wildcard CAA 128 tbs \"unknown\": the tag tbs is marked critical, and nobody knows it")]
    [InlineData("forbidden-host",
        "caa-system-host CAA 0 issue \";\" at forbidden-host.net: other authorities only")]
    [InlineData("no-mx", "sender-mx no MX record")]
    [InlineData("null-mx", "sender-mx MX 0 . (it takes no mail)")]
    [InlineData("lost-mx", "sender-mx MX nowhere.lost-mx.net, without an address")]
    [InlineData("no-spf", "sender-spf no SPF record")]
    [InlineData("two-spf", "sender-spf 2 SPF records, which is as good as none")]
    public async Task Doctor_names_each_fault_with_the_right_value_and_ends_with_3(
        string name, params string[] expected)
    {
        var (code, result) = await JsonAsync(name);

        Assert.Equal(expected, Rows(result, "wrong"));
        Assert.Equal((3, false), (code, (bool)result["sound"]!));
        Assert.All(
            result["rows"]!.AsArray().Where(row => (string)row!["state"]! == "wrong"),
            row => Assert.NotNull(row!["shouldBe"]));
    }

    [Theory]
    [InlineData("no-caa", "caa-wildcard no CAA record")]
    [InlineData("address-for-mx", "sender-mx no MX record; A 127.0.0.1 is used")]
    [InlineData("open-spf", "sender-spf v=spf1 +all (everybody may send for it)")]
    public async Task A_working_value_that_should_be_improved_is_a_warning(string name, string expected)
    {
        var (code, result) = await JsonAsync(name);

        Assert.Equal([expected], Rows(result, "warning"));
        Assert.Equal((0, true), (code, (bool)result["sound"]!));
    }

    [Fact]
    public async Task A_port_where_nobody_listens_an_authority_that_is_away_and_a_host_without_address_are_wrong()
    {
        var (code, result) = await JsonAsync(
            "sound",
            $"Tracking__Certificates__TlsPort={lab.ClosedPort}",
            $"Tracking__Certificates__Authorities__1__Directory=https://127.0.0.1:{lab.ClosedPort}/dir",
            "Tracking__Certificates__Hosts__0=console.sound.net");

        Assert.Equal(3, code);
        var wrong = Rows(result, "wrong");
        Assert.Equal(["other-host no address", "port the connection is refused"], wrong[..2]);
        Assert.StartsWith("authority it cannot be reached", Assert.Single(wrong[2..]), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_resolver_that_does_not_answer_is_named()
    {
        var (code, result) = await JsonAsync(
            "sound", $"Tracking__Dns__Resolvers__0=127.0.0.1:{lab.ClosedPort}", "Tracking__Dns__QueryTimeout=00:00:01");

        Assert.Equal(3, code);
        Assert.Contains("system-host no resolver answers", Rows(result, "wrong"));
        Assert.Contains("caa-wildcard no resolver answers", Rows(result, "wrong"));
    }

    [Fact]
    public async Task A_target_behind_Cloudflare_is_wrong()
    {
        // This is not tested through the command, because the command would connect to ports of Cloudflare.
        var settings = DoctorSettings.Read([lab.Settings("proxied")], out var problem);
        Assert.Equal("", problem);

        var (rows, _) = await CheckNames.RunAsync(new AskDns(settings!), settings!, Cancelled);

        var row = Assert.Single(rows, row => row.State == RowState.Wrong);
        Assert.Equal(("zone-wildcard", "A 104.16.1.1, Cloudflare's proxy"), (row.Check, row.Is));
        Assert.Contains("1014", row.NextStep, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Unused_things_are_skipped()
    {
        var (code, result) = await JsonAsync(
            "sound", "Tracking__Certificates__Authorities__0__Directory=", "Tracking__Notices__Smtp=");

        Assert.Equal(0, code);
        Assert.Equal(
            [
                "authority none are ordered, Tracking__Certificates__Authorities__0__Directory is not set",
                "sender no mail is sent, Tracking__Notices__Smtp is not set",
            ],
            Rows(result, "skipped"));
    }

    [Fact]
    public async Task A_secret_in_its_folder_wins_as_it_does_in_the_services()
    {
        var (code, result) = await JsonAsync(
            "sound",
            "Tracking__Notices__Smtp=no url",
            $"TRACKING_SECRETS={lab.Secrets("Tracking__Notices__Smtp", "smtp://mail.sound.net")}");

        Assert.Equal(0, code);
        Assert.Empty(Rows(result, "skipped"));
    }

    [Theory]
    [InlineData("Tracking__SystemHost=https://links.op.net", "Tracking__SystemHost: got \"https://links.op.net\"")]
    [InlineData("Tracking__Dns__Resolvers__0=a b", "Tracking__Dns__Resolvers__0: got \"a b\"")]
    [InlineData("Tracking__Certificates__HttpPort=0", "Tracking__Certificates__HttpPort: got \"0\"")]
    [InlineData("Tracking__Notices__Smtp=p4ssword", "Tracking__Notices__Smtp: got ***")]
    [InlineData("no equals sign", "takes lines of the form NAME=VALUE")]
    public async Task A_setting_that_services_would_refuse_is_refused(string line, string expected)
    {
        var (code, _, error) = await RunAsync("doctor", "--env-file", lab.Settings("sound", line));

        Assert.Equal(2, code);
        Assert.Contains(expected, error, StringComparison.Ordinal);
        Assert.DoesNotContain("p4ssword", error, StringComparison.Ordinal);
    }

    private async Task<(int Code, JsonNode Result)> JsonAsync(string name, params string[] settings)
    {
        var (code, output, error) = await RunAsync("doctor", "--json", "--env-file", lab.Settings(name, settings));
        Assert.True(output.StartsWith('{'), output + error);
        return (code, JsonNode.Parse(output)!);
    }

    private static string[] Rows(JsonNode result, string state) =>
    [
        .. result["rows"]!.AsArray().Where(row => (string)row!["state"]! == state)
            .Select(row => $"{row!["check"]} {row["is"]}"),
    ];

    private static Task<(int Code, string Output, string Error)> RunAsync(params string[] arguments) =>
        Trackctl.RunAsync(null, null, arguments);
}
