using System.Security.Cryptography;
using Npgsql;
using Tracking.Links;
using Tracking.Tls.Certificates;

namespace Tracking.Tls.Stored;

/// <summary>The stored certificates, from PostgreSQL. Sealed keys are opened only here.</summary>
internal sealed class StoredCertificates(NpgsqlDataSource dataSource, MasterKeys masterKeys) : ICertificateSource
{
    private const string Select =
        """
        SELECT i.id, i.chain, i.sealed_key, n.first_renewed_at FROM certificates.names n
        JOIN certificates.issued i ON i.id = n.certificate_id
        WHERE n.hostname = $1
        """;

    /// <inheritdoc/>
    /// <exception cref="NpgsqlException">The database is unavailable.</exception>
    /// <exception cref="CryptographicException">The key was sealed under another master key, or is damaged.</exception>
    public async ValueTask<CertificateFound?> FindAsync(HostName name, CancellationToken cancellationToken)
    {
        await using var command = dataSource.CreateCommand(Select);
        command.Parameters.Add(new() { Value = name.Value });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        if (!await reader.ReadAsync(cancellationToken))
        {
            return null;
        }

        return new CertificateFound
        {
            Name = name.Value,
            Chain = CertificateFound.ReadChain(reader.GetString(1)),
            PrivateKey = SealedKey.Open(masterKeys, reader.GetGuid(0), reader.GetFieldValue<byte[]>(2))
                ?? throw new CryptographicException("The key is damaged, or was sealed under another master key."),
            FirstRenewedAt = reader.IsDBNull(3) ? null : reader.GetFieldValue<DateTimeOffset>(3),
        };
    }
}
