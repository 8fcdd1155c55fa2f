using System.Security.Cryptography;
using Npgsql;
using Tracking.Links;

namespace Tracking.Database;

/// <summary>
/// Makes the first signing key of a database that has never had one. Only the preparation of the database calls it. A
/// service must not: it could find the table empty during a restore, and its new key would not verify the old
/// links.
/// </summary>
public static class MakeFirstSigningKey
{
    /// <summary>The error message when keys are lost.</summary>
    internal const string Lost =
        "links.signing_keys holds no key that can be opened, and links have been sent: restore that table from a backup, "
        + "a new key would not verify them (deploy/runbooks/signing-keys.md).";

    private const string Insert =
        """
        INSERT INTO links.signing_keys (version, sealed, signs_from)
        SELECT 1, $1, now()
        WHERE NOT EXISTS (SELECT FROM links.signing_keys)
            AND NOT EXISTS (SELECT FROM rewrite.messages) AND NOT EXISTS (SELECT FROM links.destinations)
        ON CONFLICT (version) DO NOTHING
        """;

    /// <summary>Makes the key unless there is one. Several processes may call this at the same time.</summary>
    /// <exception cref="SigningKeysLostException">There is no key, but links have been sent.</exception>
    /// <exception cref="NpgsqlException">The database is unavailable.</exception>
    public static async Task UnlessThereAsync(
        NpgsqlDataSource dataSource, MasterKey masterKey, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(dataSource);
        ArgumentNullException.ThrowIfNull(masterKey);
        var material = RandomNumberGenerator.GetBytes(SigningKey.Size);
        await using (var insert = dataSource.CreateCommand(Insert))
        {
            insert.Parameters.Add(new() { Value = masterKey.Seal(material, SigningKeyRing.Purpose(1)) });
            await insert.ExecuteNonQueryAsync(cancellationToken);
        }

        CryptographicOperations.ZeroMemory(material);
        await using var find = dataSource.CreateCommand("SELECT EXISTS (SELECT FROM links.signing_keys)");
        if (await find.ExecuteScalarAsync(cancellationToken) is not true)
        {
            throw new SigningKeysLostException(Lost);
        }
    }
}
