using System.Text.Json.Nodes;
using Npgsql;
using Tracking.Api;
using Tracking.Database;
using Tracking.Links;
using Tracking.Servers;

namespace Tracking.System.Tests.Deploy;

/// <summary>Tests of whole deployments show that these secrets are sufficient for services.</summary>
public sealed class MakeSecretsTests(MadeSecrets made) : IClassFixture<MadeSecrets>
{
    private static readonly string[] _users =
        ["rewrite", "edge", "ingest", "management", "verifier", "certificates"];

    [Theory]
    [InlineData("ConnectionStrings__tracking",
        "certificates", "edge", "ingest", "management", "migrator", "rewrite", "smtpfilter", "verifier")]
    [InlineData("ConnectionStrings__rabbitmq",
        "certificates", "edge", "ingest", "management", "rewrite", "smtpfilter", "verifier")]
    [InlineData("ConnectionStrings__redis", "edge", "rewrite", "smtpfilter")]
    [InlineData("Tracking__MasterKey",
        "certificates", "edge", "ingest", "management", "migrator", "rewrite", "smtpfilter")]
    [InlineData("Tracking__Migrator__AdminKey", "migrator")]
    public void Only_these_services_have_the_secret(string secret, params string[] services) => Assert.Equal(
        services, Manifests.Services.Keys.Where(service => made.Of(service).Contains(secret)).Order());

    [Fact]
    public void Every_secret_is_one_and_each_user_has_a_password_of_its_own()
    {
        var postgres = _users.Append("migrator").ToDictionary(user => user, user =>
            new NpgsqlConnectionStringBuilder(made.Read($"{user}/ConnectionStrings__tracking")));
        Assert.All(postgres, user => Assert.Equal(made.Read($"postgres_{user.Key}"), user.Value.Password));
        Assert.All(postgres, user => Assert.Equal(("postgres", "tracking"), (user.Value.Host, user.Value.Database)));
        Assert.Equal(postgres.Count, postgres.Values.Select(user => user.Username).Distinct().Count());

        var broker = JsonNode.Parse(made.Read("rabbitmq_definitions.json"))!;
        foreach (var user in _users)
        {
            var bus = new Uri(made.Read($"{user}/ConnectionStrings__rabbitmq"));
            var defined = Assert.Single(broker["users"].Items(), defined => defined.Text("name") == user);
            Assert.Equal(
                ($"{user}:{defined.Text("password")}", "rabbitmq", "/%2F"), (bus.UserInfo, bus.Host, bus.AbsolutePath));
            Assert.Equal("", defined.Text("tags"));
            var allowed = Assert.Single(broker["permissions"].Items(), allowed => allowed.Text("user") == user);
            Assert.All(["configure", "write", "read"], right => Assert.StartsWith("^(", allowed.Text(right)));
        }

        var passwords = postgres.Values.Select(user => user.Password!)
            .Concat(broker["users"].Items().Select(user => user.Text("password")!))
            .Append(made.Read("redis_password")).Append(made.Read("redis_admin")).Append(made.Read("postgres_password"))
            .ToList();
        Assert.Equal(passwords.Count, passwords.Distinct().Count());
        Assert.All(passwords, password => Assert.Matches("^[a-zA-Z0-9]{32}$", password));

        Assert.EndsWith($",password={made.Read("redis_password")}", made.Read("edge/ConnectionStrings__redis"));
        Assert.Equal(made.Read("edge/ConnectionStrings__redis"), made.Read("rewrite/ConnectionStrings__redis"));
        // The SMTP filter rewrites too, so it has the rewriter's secrets.
        Assert.All(
            made.Of("rewrite"), name => Assert.Equal(made.Read($"rewrite/{name}"), made.Read($"smtpfilter/{name}")));
        Assert.True(ApiKeySecret.TryHash(made.Read("migrator/Tracking__Migrator__AdminKey"), out _));
        using var key = OpenMasterKey.From(new SystemOptions { MasterKey = made.Read("Tracking__MasterKey") });
        Assert.NotNull(key);
        Assert.All(["certificates", "edge", "rewrite", "management", "migrator"], service =>
            Assert.Equal(made.Read("Tracking__MasterKey"), made.Read($"{service}/Tracking__MasterKey")));
        Assert.Equal(MasterKey.Size, Convert.FromBase64String(made.Read("Tracking__MasterKey")).Length);
    }

    [Fact]
    public void The_permitted_commands_of_the_Redis_user_are_those_of_its_page()
    {
        var page = File.ReadAllText(Path.Combine(Manifests.Folder, "..", "docs", "redis.md")).ReplaceLineEndings(" ");
        var user = made.Read("redis_users.conf").Split('\n').Single(line => line.StartsWith("user default "));
        var words = user.Split(' ').Where(word => word[0] == '+').ToList();
        Assert.NotEmpty(words);
        Assert.All(words, word => Assert.Contains(word, page, StringComparison.Ordinal));
        Assert.Contains(" -@all ", user, StringComparison.Ordinal);
        Assert.Contains(" ~tracking:1:* ", user, StringComparison.Ordinal);
    }

    [Fact]
    public void Only_the_owner_can_read_the_folder_and_a_second_run_changes_nothing()
    {
        Assert.Equal(
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute,
            File.GetUnixFileMode(made.Folder));
        var before = Contents();
        Assert.Equal(0, made.Run());
        Assert.Equal(before, Contents());
    }

    private List<(string, string)> Contents() =>
        [.. Directory.EnumerateFiles(made.Folder, "*", SearchOption.AllDirectories).Order()
            .Select(file => (file, File.ReadAllText(file)))];
}
