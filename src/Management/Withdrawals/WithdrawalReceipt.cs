using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Tracking.Database.Entities;
using Tracking.Links;

namespace Tracking.Management.Withdrawals;

/// <summary>What was anonymised.</summary>
/// <param name="Messages">Messages that no longer say whose they were.</param>
/// <param name="Events">Clicks and opens without address and user agent from now on.</param>
/// <param name="RejectedEvents">Events that could not be stored, whose bytes were kept and are deleted.</param>
/// <param name="KeptMails">Messages whose HTML was kept for click maps and is deleted.</param>
internal sealed record AnonymisedData(int Messages, int Events, int RejectedEvents, int KeptMails);

/// <summary>An endpoint of webhooks that was told of the recipient's events.</summary>
/// <param name="Webhook">The endpoint.</param>
/// <param name="Url">Where it is.</param>
/// <param name="Deliveries">Events that were sent to it.</param>
/// <param name="LastAt">When the last one was.</param>
internal sealed record ToldEndpoint(Guid Webhook, string Url, int Deliveries, DateTimeOffset? LastAt);

/// <summary>An export of events since the first of the messages.</summary>
/// <param name="At">When it began.</param>
/// <param name="By">The key that took it.</param>
/// <param name="Format">NDJSON or CSV.</param>
internal sealed record TakenExport(DateTimeOffset At, string By, string Format);

/// <summary>What had left before: here nothing can be done about it.</summary>
/// <param name="Webhooks">By webhooks.</param>
/// <param name="Exports">By exports that may hold the events, the newest 100.</param>
internal sealed record DataThatLeft(IReadOnlyList<ToldEndpoint> Webhooks, IReadOnlyList<TakenExport> Exports);

/// <summary>What a withdrawal did.</summary>
/// <param name="Id">Its id. The receipt does not hold the address.</param>
/// <param name="Cluster">The cluster.</param>
/// <param name="WithdrawnAt">When it was asked for; from then on nothing personal is kept.</param>
/// <param name="DoneAt">When all that was kept before was anonymised.</param>
/// <param name="Anonymised">What was anonymised here.</param>
/// <param name="Left">What had left.</param>
internal sealed record WithdrawalReceipt(
    Guid Id,
    string Cluster,
    DateTimeOffset WithdrawnAt,
    DateTimeOffset DoneAt,
    AnonymisedData Anonymised,
    DataThatLeft Left);

/// <summary>A withdrawal.</summary>
/// <param name="Id">Its id.</param>
/// <param name="WithdrawnAt">When it was asked for.</param>
/// <param name="Receipt">What was done; null while it is being done.</param>
/// <param name="Signed">The receipt as it was signed, to the byte.</param>
/// <param name="Signature">v1, and the base64 of an HMAC-SHA256 over id, time and signed, as of a webhook. POST it with
/// signed to …/withdrawals/verify.</param>
internal sealed record WithdrawalResponse(
    Guid Id, DateTimeOffset WithdrawnAt, WithdrawalReceipt? Receipt, string? Signed, string? Signature)
{
    public static WithdrawalResponse Of(Guid id, DateTimeOffset at, string? signed, SignReceipt sign) => new(
        id,
        at,
        signed is null ? null : JsonSerializer.Deserialize<WithdrawalReceipt>(signed, ClusterSettings.Json),
        signed,
        signed is null ? null : sign.Sign(id, at, signed));
}

/// <summary>Signs receipts by a key that comes from the master key: nobody outside can make one.</summary>
internal sealed class SignReceipt
{
    private readonly byte[] _key = new byte[HMACSHA256.HashSizeInBytes];

    public SignReceipt(MasterKey masterKey) => masterKey.DeriveKey("withdrawal-receipts", _key);

    /// <summary>The signature of a receipt.</summary>
    public string Sign(Guid id, DateTimeOffset at, string signed) => "v1," + Convert.ToBase64String(
        HMACSHA256.HashData(_key, Encoding.UTF8.GetBytes($"{id}.{at.ToUnixTimeSeconds()}.{signed}")));

    /// <summary>Whether a receipt is one of ours, unchanged.</summary>
    public bool IsOurs(string signed, string signature)
    {
        try
        {
            return JsonSerializer.Deserialize<WithdrawalReceipt>(signed, ClusterSettings.Json) is { } receipt
                && CryptographicOperations.FixedTimeEquals(
                    Encoding.UTF8.GetBytes(Sign(receipt.Id, receipt.WithdrawnAt, signed)),
                    Encoding.UTF8.GetBytes(signature));
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
