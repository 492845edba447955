using System.Net;
using System.Net.Sockets;

namespace KlingPS.Tests.Shared;

/// <summary>
/// Ports for what must know its port before it listens. A port that the system found free can be given to another test a
/// moment later; these lie below all that systems give away by themselves.
/// </summary>
internal static class LoopbackPort
{
    private const int First = 20_000;
    private const int Count = 10_000;

    /// <summary>Test processes that run beside each other begin at different places.</summary>
    private static int s_last = Random.Shared.Next(Count);

    /// <summary>A port on which nothing listens and which no other test gets.</summary>
    public static int Reserve()
    {
        while (true)
        {
            int port = First + (Interlocked.Increment(ref s_last) % Count);
            try
            {
                using var probe = new TcpListener(IPAddress.Loopback, port);
                probe.Start();
                return port;
            }
            catch (SocketException)
            {
                // Somebody else's, or one that Windows keeps for itself.
            }
        }
    }
}
