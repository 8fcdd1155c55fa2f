using System.Globalization;
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

    private const string MaxPoolSize = "Maximum Pool Size";

    // The server ends a statement after its timeout. The client waits this much longer before it treats the connection
    // as broken.
    private static readonly TimeSpan _grace = TimeSpan.FromSeconds(5);

    /// <summary>Makes the data source of the mail path. Nothing connects yet.</summary>
    /// <exception cref="OptionsValidationException">The connection string is missing or malformed.</exception>
    public static NpgsqlDataSource From(IConfiguration configuration, DatabaseOptions? options = null)
    {
        var connection = Read(configuration);
        if (!connection.ShouldSerialize(MaxPoolSize))
        {
            connection.MaxPoolSize = Math.Max(
                (options ?? new DatabaseOptions()).MailConnections, connection.MinPoolSize);
        }

        return NpgsqlDataSource.Create(connection);
    }

    /// <summary>Makes the data source of the API. Nothing connects yet.</summary>
    /// <exception cref="OptionsValidationException">The connection string is missing or malformed.</exception>
    public static ApiDataSource ForApi(IConfiguration configuration, DatabaseOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var connection = Read(configuration);
        connection.ApplicationName += "-api";
        connection.MinPoolSize = 0;
        connection.MaxPoolSize = options.ApiConnections;
        connection.Options = string.Create(
            CultureInfo.InvariantCulture,
            $"{connection.Options} -c statement_timeout={options.ApiStatementTimeout.TotalMilliseconds:F0}").Trim();
        connection.CommandTimeout = (int)Math.Ceiling((options.ApiStatementTimeout + _grace).TotalSeconds);
        return new ApiDataSource(NpgsqlDataSource.Create(connection));
    }

    private static NpgsqlConnectionStringBuilder Read(IConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        if (configuration.GetConnectionString(ConnectionName) is not { } text || string.IsNullOrWhiteSpace(text))
        {
            throw Wrong($"missing, {Takes}");
        }

        try
        {
            // No code of ours leaves state in a session. So a reset is not needed, and it would cost the database more
            // than a look-up.
            var connection = new NpgsqlConnectionStringBuilder(text) { NoResetOnClose = true };
            // The name distinguishes the pools in pg_stat_activity.
            connection.ApplicationName ??= "tracking";
            return connection;
        }
        catch (ArgumentException malformed)
        {
            throw Wrong($"not a connection string ({malformed.Message.TrimEnd('.')}), {Takes}");
        }
    }

    private static OptionsValidationException Wrong(string problem) =>
        new(ConnectionName, typeof(NpgsqlConnectionStringBuilder), [$"ConnectionStrings__{ConnectionName}: {problem}"]);
}
