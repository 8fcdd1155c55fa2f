using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;
using Npgsql;

namespace Tracking.Database;

/// <summary>Opens the database of <c>ConnectionStrings__tracking</c>.</summary>
public static class OpenDataSource
{
    /// <summary>The name of the connection string.</summary>
    public const string ConnectionName = "tracking";

    private const string Takes = "takes, for instance, Host=db;Username=tracking;Password=***;Database=tracking";

    /// <summary>Makes the data source; nothing connects yet.</summary>
    /// <exception cref="OptionsValidationException">The connection string is missing or not one.</exception>
    public static NpgsqlDataSource From(IConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        if (configuration.GetConnectionString(ConnectionName) is not { } text || string.IsNullOrWhiteSpace(text))
        {
            throw Wrong($"missing, {Takes}");
        }

        try
        {
            // Nothing of ours leaves anything in a session that the next one would have to be kept from, and undoing it
            // costs the database more than a look-up does.
            var connection = new NpgsqlConnectionStringBuilder(text) { NoResetOnClose = true };
            return NpgsqlDataSource.Create(connection);
        }
        catch (ArgumentException malformed)
        {
            throw Wrong($"not a connection string ({malformed.Message.TrimEnd('.')}), {Takes}");
        }
    }

    private static OptionsValidationException Wrong(string problem) =>
        new(ConnectionName, typeof(NpgsqlConnectionStringBuilder), [$"ConnectionStrings__{ConnectionName}: {problem}"]);
}
