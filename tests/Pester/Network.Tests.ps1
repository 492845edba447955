# Which way requests leave a shell whose environment names a proxy. A process reads these variables once, so each case has a shell of its own.

Describe 'The proxy of the environment' {
    BeforeAll {
        . "$PSScriptRoot/Shells.ps1"

        # It asks for a login, remembers what it is told, and lets nobody through.
        $listener = [Net.Sockets.TcpListener]::new([Net.IPAddress]::Loopback, 0)
        $listener.Start()
        $heads = [Collections.Concurrent.ConcurrentQueue[string]]::new()
        $proxy = Start-ThreadJob -ArgumentList $listener, $heads {
            param($listener, $heads)
            while ($true) {
                try { $client = $listener.AcceptTcpClient() } catch { return }
                $reader = [IO.StreamReader]::new($client.GetStream())
                $head = @(while ($line = $reader.ReadLine()) { $line }) -join "`n"
                $heads.Enqueue($head)
                $answer = $head -match 'Proxy-Authorization' ? 'HTTP/1.1 403 Forbidden' : "HTTP/1.1 407 Proxy Authentication Required`r`nProxy-Authenticate: Basic realm=""proxy"""
                $client.GetStream().Write([Text.Encoding]::ASCII.GetBytes("$answer`r`nContent-Length: 0`r`nConnection: close`r`n`r`n"))
                $client.Dispose()
            }
        }

        $address = "http://name:hunter2@$($listener.LocalEndpoint)"
        $shells = foreach ($except in 'other.example', 'kie.example,.kie.example') {
            Start-PrivateShell -Folder "$TestDrive/$except" -Environment @{ HTTPS_PROXY = $address; http_proxy = $address; NO_PROXY = $except } "
                Import-Module '$module'
                `$null = Connect-KlingAccount -Sandbox
                'the sandbox is reached'
                try { Connect-KlingAccount (ConvertTo-SecureString 'a-key-for-proxies' -AsPlainText) -Endpoint https://api.kie.example/ } catch { `$_.FullyQualifiedErrorId }"
        }
        $results = $shells | ForEach-Object { Wait-Shell $_ }
        $listener.Stop()
        $proxy | Wait-Job | Remove-Job
    }

    It 'is not used for the sandbox' {
        $results.Errors -join '' | Should -BeNullOrEmpty
        $results | ForEach-Object { $_.Lines[0] } | Should -Be 'the sandbox is reached', 'the sandbox is reached'
        $heads | Should -Not -BeNullOrEmpty
        $heads | Should -BeLike 'CONNECT api.kie.example:443 *'
    }

    It 'is used for the service, with its login and without the key, except where NO_PROXY names the host' {
        $results | ForEach-Object { $_.Lines[-1] } | Should -BeLike 'KlingServiceUnavailable,*'

        # One of the two shells went this way: five attempts, each of which was asked for a login.
        $login = [Convert]::ToBase64String([Text.Encoding]::ASCII.GetBytes('name:hunter2'))
        @($heads -like "*Basic $login*") | Should -HaveCount 5
        $heads -match 'a-key-for-proxies' | Should -BeNullOrEmpty
    }
}
