using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace Tracking.Contracts.Tests;

/// <summary>
/// The JSON of every bus message, as other versions of the system send and expect it. A rename or removal fails here;
/// an addition needs a new golden line, and must be optional for those who do not send it yet.
/// </summary>
public sealed class GoldenContractsTests
{
    private static readonly JsonSerializerOptions _json = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    private static readonly object[] _messages =
    [
        new StoreEventBatch
        {
            Id = new Guid("01890a5d-ac96-774b-bcce-b302099a8057"),
            EdgeId = new Guid("6d6f2c1e-0c1f-4a58-8a3f-0b8f0f9f4c11"),
            Sequence = 42,
            AcknowledgedBelow = 40,
            Count = 2,
            Events = [1, 2, 3, 255],
        },
        new EventBatchStored
        {
            Id = new Guid("01890a5d-ac96-774b-bcce-b302099a8057"),
            EdgeId = new Guid("6d6f2c1e-0c1f-4a58-8a3f-0b8f0f9f4c11"),
            Sequence = 42,
        },
        new DirectoryChanged { Id = new Guid("01890a5d-ac96-774b-bcce-b302099a8057"), Cluster = 7 },
        new VerifyDomain { Id = Id, Domain = Domain, Cluster = 7, Hostname = "track.example.com" },
        new CheckName { Id = Id, Hostname = "track.example.com", ReplyTo = "checks-1" },
        new NameChecked
        {
            Id = Id, Request = Domain, Diagnosis = "{}", Caa = ["0 issue \"ca.example.net\""], CaaFoundAt = "example.com",
        },
        new PreviewMessage { Id = Id, Cluster = 7, Message = [1, 2, 3, 255], ReplyTo = "previews-1" },
        new MessagePreviewed
        {
            Id = Id,
            Request = Domain,
            Preview = new MessagePreview
            {
                Host = "track.example.com",
                TrackedLinks = 1,
                Opens = true,
                Untouched = "nothing-to-track",
                Warnings = ["no-text-part"],
                Parts =
                [
                    new PreviewedPart
                    {
                        Part = 1, Kind = "html", Size = 1, SizeAfter = 2, Reason = "attachment", Before = "b", After = "a",
                    },
                ],
                Links =
                [
                    new PreviewedLink
                    {
                        Part = 1, Position = 2, Url = "https://example.com/", Decision = "tracked", Name = "shop",
                    },
                ],
            },
        },
        new TrackingDomainVerified
        {
            Id = Id, Domain = Domain, Cluster = 7, Hostname = "track.example.com", At = At, Diagnosis = "{}",
        },
        new TrackingDomainWarned
        {
            Id = Id, Domain = Domain, Cluster = 7, Hostname = "track.example.com", At = At, Diagnosis = "{}",
            LosesLinksAt = At.AddDays(1),
        },
        new TrackingDomainLost
        {
            Id = Id, Domain = Domain, Cluster = 7, Hostname = "track.example.com", At = At, Diagnosis = "{}",
            Reason = "record-gone",
        },
        new CertificateIssued
        {
            Id = Id, Cluster = 7, Hostname = "track.example.com", At = At, NotAfter = At.AddDays(45),
        },
    ];

    private static Guid Id => new("01890a5d-ac96-774b-bcce-b302099a8057");

    private static Guid Domain => new("01890a5d-ac96-774b-bcce-b302099a8058");

    private static DateTimeOffset At => new(2026, 11, 29, 12, 0, 0, TimeSpan.Zero);


    public static TheoryData<string> Names => [.. _messages.Select(message => message.GetType().Name)];

    [Fact]
    public void Every_contract_has_a_golden_file()
    {
        var records = typeof(StoreEventBatch).Assembly.GetExportedTypes()
            .Where(type => type is { IsClass: true, IsAbstract: false } && type.GetMethod("<Clone>$") is not null)
            .ToList();
        // What stands inside a message is in the message's file.
        var inside = records.SelectMany(type => type.GetProperties())
            .SelectMany(property => property.PropertyType.GetGenericArguments().Append(property.PropertyType));
        Assert.Equal(
            records.Except(inside).Select(type => type.Name).Order(),
            _messages.Select(message => message.GetType().Name).Order());
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_contract_is_written_as_its_golden_file(string name)
    {
        var message = _messages.Single(message => message.GetType().Name == name);
        Assert.Equal(Golden(name), JsonSerializer.Serialize(message, message.GetType(), _json) + "\n");
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_contract_with_properties_of_a_later_version_is_still_read(string name)
    {
        var type = _messages.Single(message => message.GetType().Name == name).GetType();
        var later = Golden(name).Replace("{\n", "{\n  \"addedLater\": {\"x\": [1]},\n");
        Assert.NotNull(JsonSerializer.Deserialize(later, type, _json));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_contract_begins_with_the_id_that_its_producer_made(string name)
    {
        var type = _messages.Single(message => message.GetType().Name == name).GetType();
        var first = type.GetProperties()[0];
        Assert.Equal(("Id", typeof(Guid)), (first.Name, first.PropertyType));
        Assert.NotNull(first.GetCustomAttribute<RequiredMemberAttribute>());
    }

    private static string Golden(string name) =>
        File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Golden", name + ".json"));
}
