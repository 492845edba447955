using System.Net;
using System.Net.Sockets;
using System.Text;

namespace KlingPS.Core.Tests.Ledger.Postgres;

/// <summary>A way to a server that breaks where a test wants it to.</summary>
internal sealed class CuttingProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _end = new();
    private readonly int _port;
    private readonly Task _accepting;
    private Cut? _cut;
    private int _lost;

    public CuttingProxy(int port)
    {
        _port = port;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>Whether nobody is let through any more.</summary>
    public bool IsClosed { get; set; }

    /// <summary>How many connections have been made through it.</summary>
    public int Connections { get; private set; }

    /// <summary>Whether what is sent gets lost, without a word to anybody. New connections are let through.</summary>
    public void LoseAll() => _lost = Connections;

    /// <summary>Is called when somebody was not let through.</summary>
    public Action? AtRefusal { get; set; }

    /// <summary>Is called at the moment of a cut.</summary>
    public Action? AtCut { get; set; }

    /// <summary>How often the connection was cut.</summary>
    public int Cuts { get; private set; }

    /// <summary>Cuts the connection once.</summary>
    /// <param name="words">What the client sends then.</param>
    /// <param name="isAnswerLost">Whether the server still gets it, and only its answer is lost.</param>
    /// <param name="andStayClosed">Whether nobody is let through afterwards.</param>
    public void CutAt(string words, bool isAnswerLost = false, bool andStayClosed = false) => _cut = new Cut(Encoding.UTF8.GetBytes(words), isAnswerLost, andStayClosed);

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        _listener.Dispose();
        await _accepting;
        _end.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                TcpClient client = await _listener.AcceptTcpClientAsync(_end.Token);
                if (IsClosed)
                {
                    client.Dispose();
                    AtRefusal?.Invoke();
                }
                else
                {
                    _ = PassAsync(client);
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException or SocketException)
        {
        }
    }

    private async Task PassAsync(TcpClient client)
    {
        int number = ++Connections;
        using (client)
        using (var server = new TcpClient())
        {
            try
            {
                await server.ConnectAsync(IPAddress.Loopback, _port, _end.Token);
                bool isAnswerLost = false;
                Task back = Task.Run(async () =>
                {
                    byte[] answer = new byte[65536];
                    while (await server.GetStream().ReadAsync(answer, _end.Token) is > 0 and int length)
                    {
                        if (Volatile.Read(ref isAnswerLost))
                        {
                            return;
                        }

                        if (number <= _lost)
                        {
                            continue;
                        }

                        await client.GetStream().WriteAsync(answer.AsMemory(0, length), _end.Token);
                    }
                });
                byte[] request = new byte[65536];
                while (await client.GetStream().ReadAsync(request, _end.Token) is > 0 and int length)
                {
                    if (_cut is { } cut && request.AsSpan(0, length).IndexOf(cut.Words) >= 0)
                    {
                        _cut = null;
                        Cuts++;
                        AtCut?.Invoke();
                        IsClosed = cut.AndStayClosed;
                        if (cut.IsAnswerLost)
                        {
                            Volatile.Write(ref isAnswerLost, true);
                            await server.GetStream().WriteAsync(request.AsMemory(0, length), _end.Token);
                            await back;
                        }

                        return;
                    }

                    if (number > _lost)
                    {
                        await server.GetStream().WriteAsync(request.AsMemory(0, length), _end.Token);
                    }
                }
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException or IOException or SocketException)
            {
            }
        }
    }

    private sealed record Cut(byte[] Words, bool IsAnswerLost, bool AndStayClosed);
}
