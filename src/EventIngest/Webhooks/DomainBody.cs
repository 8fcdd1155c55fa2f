using System.Text;
using System.Text.Json;
using Tracking.Links;
using Tracking.Webhooks;

namespace Tracking.EventIngest.Webhooks;

/// <summary>The bodies of webhooks about tracking domains and certificates.</summary>
internal static class DomainBody
{
    private const string Diagnosis = "diagnosis";

    // All DNS queries with their answers: the longest part of a diagnosis.
    private const string Hops = "hops";

    /// <summary>The body of a notice.</summary>
    /// <param name="type">The type of the webhook.</param>
    /// <param name="cluster">The cluster's number.</param>
    /// <param name="hostname">The tracking domain.</param>
    /// <param name="at">The time of the event.</param>
    /// <param name="facts">The stored facts, as JSON. Their members are copied unchanged.</param>
    public static string OfNotice(
        WebhookEventType type, int cluster, string hostname, DateTimeOffset at, string facts)
    {
        using var document = JsonDocument.Parse(facts);
        return Text(WebhookBody.Write(type, at, (json, isShortened) =>
        {
            json.WriteString("cluster", new ClusterId(cluster).ToString());
            json.WriteString("hostname", hostname);
            foreach (var member in document.RootElement.EnumerateObject())
            {
                if (member.Name == Diagnosis && isShortened)
                {
                    WriteShort(json, member.Value);
                }
                else if (member.Name is not ("cluster" or "hostname"))
                {
                    member.WriteTo(json);
                }
            }
        }));
    }

    /// <summary>The body about a new certificate.</summary>
    public static string OfCertificate(
        int cluster,
        string hostname,
        DateTimeOffset at,
        DateTimeOffset notBefore,
        DateTimeOffset notAfter,
        bool isRenewal) =>
        Text(WebhookBody.Write(WebhookEventType.CertificateIssued, at, (json, _) =>
        {
            json.WriteString("cluster", new ClusterId(cluster).ToString());
            json.WriteString("hostname", hostname);
            json.WriteString("notBefore", WebhookBody.Time(notBefore));
            json.WriteString("notAfter", WebhookBody.Time(notAfter));
            json.WriteBoolean("isRenewal", isRenewal);
        }));

    private static void WriteShort(Utf8JsonWriter json, JsonElement diagnosis)
    {
        json.WriteStartObject(Diagnosis);
        foreach (var member in diagnosis.EnumerateObject().Where(member => member.Name != Hops))
        {
            member.WriteTo(json);
        }

        json.WriteEndObject();
    }

    private static string Text(byte[] body) => Encoding.UTF8.GetString(body);
}
