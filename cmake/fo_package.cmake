# SPDX-License-Identifier: Apache-2.0
# What is installed beside the programs, and the Debian package: cpack -G DEB in the build folder.
# Programs install themselves where they are declared.
set(fo_packaging ${CMAKE_SOURCE_DIR}/packaging)

install(FILES ${fo_packaging}/systemd/failover_exporter.service
  ${fo_packaging}/systemd/failover_exporter.socket DESTINATION lib/systemd/system)
install(FILES ${fo_packaging}/systemd/failover_exporter.service.d/tasks.conf
  DESTINATION lib/systemd/system/failover_exporter.service.d)
install(FILES ${fo_packaging}/systemd/sysusers.conf
  DESTINATION lib/sysusers.d RENAME failover_exporter.conf)
install(FILES ${fo_packaging}/systemd/tmpfiles.conf
  DESTINATION lib/tmpfiles.d RENAME failover_exporter.conf)
install(FILES ${fo_packaging}/default DESTINATION /etc/default RENAME failover_exporter)
install(FILES ${CMAKE_SOURCE_DIR}/README.md ${fo_packaging}/debian/copyright
  DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/failover-exporter)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/dashboards/
  DESTINATION ${CMAKE_INSTALL_DATADIR}/failover_exporter/dashboards
  FILES_MATCHING PATTERN "*.json" PATTERN "*.rules.yml" PATTERN "*.md" PATTERN "kubernetes/*.yaml"
  PATTERN "__pycache__" EXCLUDE)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME failover-exporter)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "The failover_exporter authors <root@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "job failover with a Prometheus counter for every cause of failure")
set(CPACK_PACKAGE_DESCRIPTION "Runs jobs that are graphs of tasks, restarts exactly what must restart when a
task fails, with the semantics of Apache Flink, and counts every failure by what
caused it, as Prometheus metrics.")
# /etc is outside the prefix, so everything is installed below a DESTDIR.
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${fo_packaging}/debian/postinst
  ${fo_packaging}/debian/prerm ${fo_packaging}/debian/postrm ${fo_packaging}/debian/conffiles)
include(CPack)
