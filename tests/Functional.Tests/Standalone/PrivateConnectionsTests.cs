using Tracking.Database;
using Tracking.Standalone.PrivatePostgres;

namespace Tracking.Functional.Tests.Standalone;

public sealed class PrivateConnectionsTests
{
    // The number of connections that PostgreSQL reserves for superusers.
    private const int Kept = 3;

    [Theory]
    [InlineData(40, 20)]
    [InlineData(1000, 500)]
    [InlineData(4, 2)]
    public void The_private_database_takes_both_pools_when_they_are_full_and_a_few_more(int mail, int api)
    {
        var settings = new ServerSettings { Connections = ServerSettings.ConnectionsFor(mail + api) }
            .Arguments().ToList();
        var most = int.Parse(
            settings.Single(setting => setting.StartsWith("max_connections=", StringComparison.Ordinal)).Split('=')[1],
            null);
        Assert.True(most >= mail + api + Kept + 5, $"{most}");
    }

    [Fact]
    public void The_pools_fit_the_usual_server_by_themselves()
    {
        var options = new DatabaseOptions();
        Assert.Equal(
            ServerSettings.UsualConnections,
            ServerSettings.ConnectionsFor(options.MailConnections + options.ApiConnections));
    }
}
