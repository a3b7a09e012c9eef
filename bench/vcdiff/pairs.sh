#!/usr/bin/env bash
# Makes the image pairs that run.sh compares on: the files two successive builds of a Debian container or VM image leave behind.
#
#   sudo ./pairs.sh DIR
#
# Needs root (debootstrap, chroot), about 12 GB in DIR, the network to a Debian mirror, and some ten minutes of CPU.
# A file that exists is kept, so a run that was interrupted can be repeated.
set -euo pipefail
dir=${1:?usage: pairs.sh DIR}
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
security=${DEBIAN_SECURITY:-http://deb.debian.org/debian-security}
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
mkdir -p "$dir"; cd "$dir"

need=()
for p in debootstrap squashfs-tools qemu-utils xdelta3 zstd time e2fsprogs; do
  dpkg -s "$p" >/dev/null 2>&1 || need+=("$p")
done
[ ${#need[@]} = 0 ] || { apt-get update -q; apt-get install -y -q --no-install-recommends "${need[@]}"; }

# Three root file systems: as released, with today's updates, and with two small programs more.
finish() { rm -rf "$1"/var/cache/apt/*.bin "$1"/var/cache/apt/archives/*.deb "$1"/var/lib/apt/lists/*; mv "$1" "$2"; }
if [ ! -d r1 ]; then
  rm -rf r1.part
  debootstrap --include=ca-certificates,openssh-server,locales,python3,git,vim,build-essential,less,rsync,curl,file \
    bookworm r1.part "$mirror"
  finish r1.part r1
fi
if [ ! -d r2 ]; then
  rm -rf r2.part; cp -a r1 r2.part
  printf 'deb %s bookworm main\ndeb %s bookworm-updates main\ndeb %s bookworm-security main\n' \
    "$mirror" "$mirror" "$security" > r2.part/etc/apt/sources.list
  chroot r2.part apt-get update -q; chroot r2.part apt-get full-upgrade -y -q
  finish r2.part r2
fi
if [ ! -d r3 ]; then
  rm -rf r3.part; cp -a r2 r3.part
  chroot r3.part apt-get update -q; chroot r3.part apt-get install -y -q --no-install-recommends tmux htop
  finish r3.part r3
fi
# The same as r2 with a kernel: /boot and /usr/lib/modules push what follows them further than 64 MB.
if [ ! -d r2k ]; then
  rm -rf r2k.part; cp -a r2 r2k.part
  chroot r2k.part apt-get update -q; chroot r2k.part apt-get install -y -q --no-install-recommends linux-image-amd64
  finish r2k.part r2k
fi

squash() { # squash ROOT FILE OPTIONS...: written as an image builder writes it
  local root=$1 file=$2; shift 2
  [ -e "$file" ] || { mksquashfs "$root" "$file.part" -noappend -no-exports -no-progress -no-recovery "$@" >/dev/null; mv "$file.part" "$file"; }
}
qcow() { # qcow ROOT FILE OPTIONS...
  local root=$1 file=$2; shift 2
  [ -e "$file" ] && return
  rm -f disk.raw; truncate -s 4G disk.raw
  mke2fs -q -t ext4 -d "$root" disk.raw
  qemu-img convert -O qcow2 "$@" disk.raw "$file.part"; mv "$file.part" "$file"; rm -f disk.raw
}
for r in r1 r2 r3 r2k; do qcow $r $r.qcow2; done
for r in r2 r3; do qcow $r $r-c.qcow2 -c; done
for r in r1 r2k; do squash $r $r-zstd3.squashfs -comp zstd -Xcompression-level 3; done
for r in r1 r2; do squash $r $r-zstd15.squashfs -b 1M -comp zstd -Xcompression-level 15; done
for r in r1 r2 r3; do squash $r $r-xz.squashfs -b 1M -comp xz; done
ls -l -- *.squashfs *.qcow2
