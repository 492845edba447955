using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace KlingPS.Core.Network;

/// <summary>
/// Makes the connections of all clients as RFC 8305 describes: IPv6 and IPv4 take turns, each a quarter of a second after the one before or
/// at once when that one has failed, and the first that connects is used.
/// </summary>
/// <param name="policy">What may be connected to; <see langword="null"/> if the user has named the host.</param>
/// <param name="time">The clock.</param>
[SuppressMessage("Reliability", "CA2000", Justification = "The caller owns the connection, and one that comes too late is closed.")]
internal sealed class Connector(AddressPolicy? policy, TimeProvider time)
{
    /// <summary>The time limit for all addresses of a host together.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(15);

    /// <summary>How long to wait for an address before also trying the next one.</summary>
    public static readonly TimeSpan Stagger = TimeSpan.FromMilliseconds(250);

    /// <summary>How many addresses are tried; more than any real host has.</summary>
    private const int MaxAddresses = 16;

    /// <summary>Looks names up.</summary>
    internal Func<string, CancellationToken, Task<IPAddress[]>> Resolve { get; init; } = Dns.GetHostAddressesAsync;

    /// <summary>Connects to one address.</summary>
    internal Func<IPEndPoint, CancellationToken, Task<Stream>> Dial { get; init; } = DialAsync;

    /// <summary>Connects for a <see cref="SocketsHttpHandler"/>.</summary>
    /// <param name="context">What to connect to: the host of the request, or the proxy on the way there.</param>
    /// <param name="cancellationToken">Ends the attempts.</param>
    public async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        Uri uri = context.InitialRequestMessage.RequestUri!;
        DnsEndPoint target = context.DnsEndPoint;

        // A proxy is the user's own choice and may be anywhere; only the proxy knows where the name leads.
        bool isProxy = AddressRealms.Normalize(target.Host) != AddressRealms.HostOf(uri) || target.Port != uri.Port;
        return await ConnectAsync(target.Host, target.Port, isProxy ? null : uri, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Connects to a host.</summary>
    /// <param name="host">The name, or the address.</param>
    /// <param name="port">The port.</param>
    /// <param name="uri">The requested address, which the policy is applied to; <see langword="null"/> for a proxy.</param>
    /// <param name="cancellationToken">Ends the attempts.</param>
    /// <exception cref="AddressRefusedException">The name leads only to addresses that no connection may be made to.</exception>
    /// <exception cref="IOException">No address of the host could be connected to; the message names them all.</exception>
    /// <exception cref="SocketException">The name is not known.</exception>
    internal async Task<Stream> ConnectAsync(string host, int port, Uri? uri, CancellationToken cancellationToken)
    {
        IPAddress[] found = IPAddress.TryParse(host.Trim('[', ']'), out IPAddress? literal) ? [literal] : await Resolve(host, cancellationToken).ConfigureAwait(false);
        var addresses = new List<IPAddress>();
        foreach (IPAddress address in Interleave([.. found.Distinct()]))
        {
            if (uri is null || await PermitsAsync(uri, address, cancellationToken).ConfigureAwait(false))
            {
                addresses.Add(address);
            }
        }

        if (addresses.Count == 0)
        {
            throw found.Length == 0
                ? new SocketException((int)SocketError.HostNotFound)
                : new AddressRefusedException($"'{host}' {AddressPolicy.Describe(AddressRealms.Of(found[0]))} ({found[0]}), so no connection is made");
        }

        return await RaceAsync(host, [.. addresses.Take(MaxAddresses).Select(address => new IPEndPoint(address, port))], cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Keeps the system's order, but alternates between IPv6 and IPv4.</summary>
    internal static IEnumerable<IPAddress> Interleave(IReadOnlyList<IPAddress> addresses)
    {
        IPAddress[] first = [.. addresses.Where(address => address.AddressFamily == addresses[0].AddressFamily)];
        IPAddress[] second = [.. addresses.Where(address => address.AddressFamily != addresses[0].AddressFamily)];
        for (int i = 0; i < Math.Max(first.Length, second.Length); i++)
        {
            if (i < first.Length)
            {
                yield return first[i];
            }

            if (i < second.Length)
            {
                yield return second[i];
            }
        }
    }

    private async ValueTask<bool> PermitsAsync(Uri uri, IPAddress address, CancellationToken cancellationToken)
        => policy is null
            ? !AddressPolicy.IsPlain(uri) || AddressRealms.Of(address) == AddressRealm.Loopback
            : await policy.PermitsAsync(uri, address, cancellationToken).ConfigureAwait(false);

    private async Task<Stream> RaceAsync(string host, IPEndPoint[] targets, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(Limit, time);
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        var running = new Dictionary<Task<Stream>, IPEndPoint>();
        var problems = new Dictionary<IPEndPoint, string>();
        int next = 0;
        try
        {
            while (problems.Count < targets.Length)
            {
                if (next < targets.Length)
                {
                    running.Add(Dial(targets[next], over.Token), targets[next]);
                    next++;
                }

                Task turn = next < targets.Length ? Task.Delay(Stagger, time, over.Token) : Task.Delay(Timeout.InfiniteTimeSpan, over.Token);
                if (await Task.WhenAny(running.Keys.Append(turn)).ConfigureAwait(false) is not Task<Stream> ended)
                {
                    if (!over.IsCancellationRequested)
                    {
                        continue;
                    }

                    break;
                }

                running.Remove(ended, out IPEndPoint? target);
                if (ended.IsCompletedSuccessfully)
                {
                    return await ended.ConfigureAwait(false);
                }

                if (over.IsCancellationRequested)
                {
                    break;
                }

                problems[target!] = ended.Exception?.InnerException?.Message.TrimEnd('.') ?? "it was broken off";
            }

            cancellationToken.ThrowIfCancellationRequested();
            throw CreateFailedException(host, targets, problems);
        }
        finally
        {
            await over.CancelAsync().ConfigureAwait(false);
            foreach (Task<Stream> late in running.Keys)
            {
                _ = CloseAsync(late);
            }
        }
    }

    private static IOException CreateFailedException(string host, IPEndPoint[] targets, Dictionary<IPEndPoint, string> problems)
    {
        string waited = string.Create(CultureInfo.InvariantCulture, $"no answer within {Limit.TotalSeconds:0} s");
        string tried = string.Join(", ", targets.Select(target => $"{target} ({problems.GetValueOrDefault(target, waited)})"));
        return new IOException($"no connection was made to {host}; tried: {tried}");
    }

    [SuppressMessage("Design", "CA1031", Justification = "Nobody waits for an attempt that has lost the race.")]
    private static async Task CloseAsync(Task<Stream> late)
    {
        try
        {
            await (await late.ConfigureAwait(false)).DisposeAsync().ConfigureAwait(false);
        }
        catch (Exception)
        {
            // It was cancelled, or has failed on its own.
        }
    }

    private static async Task<Stream> DialAsync(IPEndPoint target, CancellationToken cancellationToken)
    {
        var socket = new Socket(target.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(target, cancellationToken).ConfigureAwait(false);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}

/// <summary>Thrown when a name leads to addresses that no connection may be made to. Its message completes a sentence.</summary>
internal sealed class AddressRefusedException(string message) : IOException(message);
