using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Tracking.Database.Entities;
using Tracking.Links;

namespace Tracking.Management.Withdrawals;

/// <summary>The data that was anonymised.</summary>
/// <param name="Messages">Messages that no longer name their recipient.</param>
/// <param name="Events">Clicks and opens whose address and user agent were deleted.</param>
/// <param name="RejectedEvents">Rejected events whose stored bytes were deleted.</param>
/// <param name="KeptMails">Messages whose HTML was stored for click maps and was deleted.</param>
internal sealed record AnonymisedData(int Messages, int Events, int RejectedEvents, int KeptMails);

/// <summary>A webhook endpoint that received the recipient's events.</summary>
/// <param name="Webhook">The endpoint's id.</param>
/// <param name="Url">The endpoint's URL.</param>
/// <param name="Deliveries">The number of events that were sent to it.</param>
/// <param name="LastAt">The time of the last delivery.</param>
internal sealed record ToldEndpoint(Guid Webhook, string Url, int Deliveries, DateTimeOffset? LastAt);

/// <summary>An export of events after the first of the recipient's messages.</summary>
/// <param name="At">When the export began.</param>
/// <param name="By">The key that exported.</param>
/// <param name="Format">NDJSON or CSV.</param>
internal sealed record TakenExport(DateTimeOffset At, string By, string Format);

/// <summary>The data that had left this system before. It cannot be changed from here.</summary>
/// <param name="Webhooks">Data that left by webhooks.</param>
/// <param name="Exports">Data that left by exports that may hold the events; the newest 100 exports.</param>
internal sealed record DataThatLeft(IReadOnlyList<ToldEndpoint> Webhooks, IReadOnlyList<TakenExport> Exports);

/// <summary>The receipt of a withdrawal.</summary>
/// <param name="Id">The withdrawal's id. The receipt does not hold the address.</param>
/// <param name="Cluster">The cluster.</param>
/// <param name="WithdrawnAt">When the withdrawal was requested. Nothing personal is stored from then on.</param>
/// <param name="DoneAt">When all data that was stored before had been anonymised.</param>
/// <param name="Anonymised">The data that was anonymised here.</param>
/// <param name="Left">The data that had left before.</param>
internal sealed record WithdrawalReceipt(
    Guid Id,
    string Cluster,
    DateTimeOffset WithdrawnAt,
    DateTimeOffset DoneAt,
    AnonymisedData Anonymised,
    DataThatLeft Left);

/// <summary>A withdrawal.</summary>
/// <param name="Id">Its id.</param>
/// <param name="WithdrawnAt">When the withdrawal was requested.</param>
/// <param name="Receipt">The receipt; null until the withdrawal is finished.</param>
/// <param name="Signed">The receipt as it was signed, byte for byte.</param>
/// <param name="Signature">v1, and the base64 of an HMAC-SHA256 over id, time and signed, in the form of a webhook's
/// signature. POST it with signed to …/withdrawals/verify.</param>
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

/// <summary>Signs receipts with a key that is derived from the master key, so that nobody else can make a
/// receipt.</summary>
internal sealed class SignReceipt
{
    private readonly byte[] _key = new byte[HMACSHA256.HashSizeInBytes];

    public SignReceipt(MasterKey masterKey) => masterKey.DeriveKey("withdrawal-receipts", _key);

    /// <summary>The signature of a receipt.</summary>
    public string Sign(Guid id, DateTimeOffset at, string signed) => "v1," + Convert.ToBase64String(
        HMACSHA256.HashData(_key, Encoding.UTF8.GetBytes($"{id}.{at.ToUnixTimeSeconds()}.{signed}")));

    /// <summary>Whether this installation signed a receipt and nobody changed it.</summary>
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
