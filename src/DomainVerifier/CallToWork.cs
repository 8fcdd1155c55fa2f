using Tracking.ServiceDefaults.Hosting;

namespace Tracking.DomainVerifier;

/// <summary>Wakes the loop that checks tracking domains.</summary>
internal sealed class DomainsWaiting : CallToWork;

/// <summary>Wakes the loop that sends notices.</summary>
internal sealed class NoticesWaiting : CallToWork;
